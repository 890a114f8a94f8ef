//! Which limits there are: one for each tier, those of accounts, and those that procedures have of their own.

use std::collections::HashMap;

use super::quota::{Quota, Quotas};
use crate::procedure::{Procedure, Tier};

/// A quota with the name by which callers learn of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) quota: Quota,
    /// Whether it is taken together with others, which a cluster must then keep in one place.
    pub(super) is_joint: bool,
}

/// Every policy of an application, for as long as the process lives.
pub(super) struct Policies {
    pub(super) public: &'static Policy,
    pub(super) auth: &'static Policy,
    pub(super) account: &'static Policy,
    pub(super) device: &'static Policy,
    pub(super) protected: &'static Policy,
    /// By the address of the procedure, which is a static.
    own: HashMap<usize, &'static Policy>,
}

impl Policy {
    pub(super) fn new(name: impl Into<String>, quota: Quota, is_joint: bool) -> Self {
        Self { name: name.into(), quota, is_joint }
    }
}

impl Policies {
    pub(super) fn new(quotas: Quotas, procedures: &[&'static Procedure]) -> Self {
        // An application has one set of them, as it has one of procedures.
        let leaked = |name: &str, quota, is_joint| &*Box::leak(Box::new(Policy::new(name, quota, is_joint)));
        let own = procedures.iter().filter_map(|procedure| {
            let quota = procedure.settings.limit?;
            let policy = leaked(&procedure.id(), quota, procedure.tier == Tier::Auth);
            Some((place(procedure), policy))
        });
        Self {
            public: leaked("public", quotas.public, false),
            auth: leaked("auth", quotas.auth, true),
            account: leaked("account", quotas.account, true),
            device: leaked("device", quotas.account, true),
            protected: leaked("protected", quotas.protected, false),
            own: own.collect(),
        }
    }

    /// What a procedure's callers are limited by: its own policy, else that of its tier.
    pub(super) fn of(&self, procedure: &'static Procedure) -> &'static Policy {
        self.own.get(&place(procedure)).copied().unwrap_or(match procedure.tier {
            Tier::Public => self.public,
            Tier::Auth => self.auth,
            Tier::Protected => self.protected,
        })
    }
}

fn place(procedure: &'static Procedure) -> usize {
    std::ptr::from_ref(procedure).addr()
}
