//! Where the caller of a request stands by now: what the request came with does not tell what it did since.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{session, token::TokenHash};
use crate::{ctx::RequestScope, error::Result};

/// What a request did about its own caller.
#[derive(Default)]
pub(crate) struct Standing(Mutex<State>);

#[derive(Default)]
struct State {
    /// For whom the transaction acts.
    acting: Option<Uuid>,
    /// The session, once the request opened or ended one.
    session: Option<Option<Current>>,
    /// The account whose password was seen to fit, or was set.
    proven: Option<Proven>,
}

/// A session, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct Current {
    pub(crate) user_id: Uuid,
    pub(super) hash: TokenHash,
}

/// An account whose password the caller knows.
#[derive(Clone)]
pub(super) struct Proven {
    pub(super) user_id: Uuid,
    /// What the caller signs in with, in its one spelling.
    pub(super) identity: String,
    /// When that password was set: after another change it is known no more.
    pub(super) changed_at: Option<DateTime<Utc>>,
}

impl Standing {
    pub(super) fn change_session(&self, session: Option<Current>) {
        self.state().session = Some(session);
    }

    /// The session that the request opened, or nobody's if it ended one; `None` if it did neither.
    pub(super) fn changed_session(&self) -> Option<Option<Current>> {
        self.state().session
    }

    pub(super) fn prove(&self, proven: Proven) {
        self.state().proven = Some(proven);
    }

    /// What was proven about this user.
    pub(super) fn proven(&self, user_id: Uuid) -> Option<Proven> {
        self.state().proven.clone().filter(|proven| proven.user_id == user_id)
    }

    /// For whom the transaction acts, if for anybody.
    pub(crate) fn acting(&self) -> Option<Uuid> {
        self.state().acting
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestScope {
    /// Has the rest of the transaction act for this user, under row-level security.
    pub(crate) fn act_for(&self, user_id: Uuid) {
        if self.standing.state().acting.replace(user_id) != Some(user_id) {
            self.scope.identify(user_id);
        }
    }

    /// The session of the caller by now; `None` if nobody is signed in.
    ///
    /// # Errors
    /// `cross_site`; `unavailable` when the session cannot be looked up.
    pub(super) async fn session(&self) -> Result<Option<Current>> {
        match self.standing.changed_session() {
            Some(session) => Ok(session),
            None => Ok(*self.caller.get_or_try_init(|| session::find(self)).await?),
        }
    }
}
