//! Telling dispatchers that there may be work.

use std::sync::Arc;

use tokio::sync::Notify;

/// Tells the dispatcher of this process at once, and soon those of others, that something was enqueued.
///
/// A hint only: a lost one costs the time until the dispatcher looks by itself.
#[derive(Clone, Default)]
pub(crate) struct Wake(Arc<Bells>);

#[derive(Default)]
struct Bells {
    here: Notify,
    elsewhere: Notify,
}

impl Wake {
    /// Says that something was enqueued and committed. Any number of calls before anyone listens count as one.
    pub(crate) fn wake(&self) {
        self.0.here.notify_one();
        self.0.elsewhere.notify_one();
    }

    /// Resolves once something was enqueued in this process, for its dispatcher.
    pub(super) async fn heard(&self) {
        self.0.here.notified().await;
    }

    /// Resolves once something was enqueued in this process, for the one who tells other processes.
    pub(super) async fn to_announce(&self) {
        self.0.elsewhere.notified().await;
    }
}
