//! What is sent together, so that many requests cost one exchange.
//!
//! What comes while nothing is under way leaves at once. What comes meanwhile leaves together when that is back, or when
//! there is as much as may leave together, or after a millisecond: whoever is far away can have many under way.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{task::yield_now, time::timeout};

/// How long something waits for what is under way.
const LONGEST: Duration = Duration::from_millis(1);

/// Gathers what comes, and has it carried away.
pub(super) struct Gather<T>(Arc<Inner<T>>);

struct Inner<T> {
    most: usize,
    carry: Box<dyn Fn(Vec<T>) -> BoxFuture<'static, ()> + Send + Sync>,
    waiting: Mutex<Waiting<T>>,
}

struct Waiting<T> {
    all: Vec<T>,
    /// Whether a task will fetch them.
    is_expected: bool,
}

impl<T: Send + 'static> Gather<T> {
    /// At most `most` are carried together; 1 has each leave at once.
    pub(super) fn new(
        most: usize,
        carry: impl Fn(Vec<T>) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        let waiting = Mutex::new(Waiting { all: Vec::new(), is_expected: false });
        Self(Arc::new(Inner { most, carry: Box::new(carry), waiting }))
    }

    pub(super) fn add(&self, one: T) {
        let mut waiting = self.0.waiting();
        waiting.all.push(one);
        if waiting.all.len() >= self.0.most {
            let full = mem::take(&mut waiting.all);
            drop(waiting);
            tokio::spawn((self.0.carry)(full));
        } else if !mem::replace(&mut waiting.is_expected, true) {
            drop(waiting);
            tokio::spawn(leave(self.0.clone()));
        }
    }
}

/// Carries away what waits, and then what has come meanwhile, until nothing has.
async fn leave<T: Send + 'static>(inner: Arc<Inner<T>>) {
    loop {
        // Whoever is ready to come goes first, and comes along.
        yield_now().await;
        let Some(all) = inner.fetch() else { return };
        // A task of its own: what becomes of it is nothing to those that come after it.
        let _ = timeout(LONGEST, tokio::spawn((inner.carry)(all))).await;
    }
}

impl<T> Inner<T> {
    fn fetch(&self) -> Option<Vec<T>> {
        let mut waiting = self.waiting();
        waiting.is_expected = !waiting.all.is_empty();
        waiting.is_expected.then(|| mem::take(&mut waiting.all))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
