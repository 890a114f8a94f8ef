//! What a running application consists of, for contexts of requests and jobs to reach.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    sync::Arc,
};

use crate::{
    auth::{Devices, Passwords},
    clock::Clock,
    db::Database,
    error::{Error, Result},
    jobs::Wake,
    limit::Limits,
    paging::CursorKey,
    settings::Settings,
};

/// Everything a context can reach; one a process.
pub(crate) struct Services {
    pub(crate) settings: Settings,
    pub(crate) database: Database,
    pub(crate) states: States,
    pub(crate) passwords: Passwords,
    /// Signs what a browser keeps of the accounts it signed in to.
    pub(crate) devices: Devices,
    /// Signs the cursors of pages.
    pub(crate) cursor_key: CursorKey,
    pub(crate) clock: Clock,
    /// `None` while no Redis is set.
    pub(crate) limits: Option<Limits>,
    /// Tells the dispatchers that something was enqueued.
    pub(crate) wake: Wake,
}

#[cfg(test)]
use crate::secret::Secret;

#[cfg(test)]
impl Services {
    /// The services of a test: these two, and everything else as it is by default.
    pub(crate) fn of_test(database: Database, states: States) -> Self {
        Self {
            settings: Settings::read(|_| None).unwrap_or_else(|faults| panic!("{faults:?}")),
            database,
            states,
            passwords: Passwords::new(),
            devices: Devices::new(&Secret::of_test()),
            cursor_key: CursorKey::new(&Secret::of_test()),
            clock: Clock::default(),
            limits: None,
            wake: Wake::default(),
        }
    }
}

/// The application's own values, one of each type.
#[derive(Clone, Default)]
pub(crate) struct States(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl States {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, state: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(state));
    }

    /// # Errors
    /// `internal`, naming the type, when the application was built without it.
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Result<&T> {
        self.0.get(&TypeId::of::<T>()).and_then(|state| state.downcast_ref()).ok_or_else(|| {
            let name = type_name::<T>();
            Error::internal(format!(
                "the application has no state of type `{name}`; add `.state(..)` where it is built"
            ))
        })
    }
}
