//! Tells other processes what was enqueued in this one.

use std::{sync::Arc, time::Duration};

use tokio::{task::AbortHandle, time::timeout};

use super::{
    runtime::{Line, PATIENCE, no_answer},
    store,
};
use crate::{error::Result, services::Services};

/// How long announcements are gathered into one: always, and at most while they fail.
const GATHER: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(10));

/// Tells other processes of jobs, for a process that works on none itself: others would find them, but later. Stops
/// when dropped.
pub(crate) struct Announcer(AbortHandle);

impl Announcer {
    /// Starts to listen for what is enqueued in this process.
    pub(crate) fn start(services: Arc<Services>) -> Self {
        let line = Line::new(services.database.engine.clone());
        // No dispatcher has this name, so none takes the announcement for its own.
        Self(tokio::spawn(async move { announce(&services, &line, "").await }).abort_handle())
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells other processes of what is enqueued in the one called `name`: one call for any number of jobs, and fewer while the
/// database refuses them. Never resolves.
pub(super) async fn announce(services: &Services, line: &Line, name: &str) {
    let mut gather = GATHER.0;
    loop {
        services.wake.to_announce().await;
        // In time, or other loops would wait for the line for as long as a silent network does not answer.
        let announced = timeout(PATIENCE, tell(line, name)).await;
        match announced.unwrap_or_else(|_| Err(no_answer())) {
            Ok(()) => gather = GATHER.0,
            Err(error) => {
                if gather == GATHER.0 {
                    tracing::warn!(
                        error = error.chain(),
                        "other processes could not be told of jobs; they find them by looking"
                    );
                }
                gather = (gather * 2).min(GATHER.1);
            }
        }
        tokio::time::sleep(gather).await;
    }
}

async fn tell(line: &Line, name: &str) -> Result<()> {
    let mut turn = line.open().await?;
    store::announce(&mut turn, name).await?;
    turn.keep();
    Ok(())
}
