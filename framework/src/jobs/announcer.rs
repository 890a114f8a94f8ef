//! Tells other processes what was enqueued in this one.

use std::{sync::Arc, time::Duration};

use tokio::{task::AbortHandle, time::timeout};

use super::{
    runtime::{Line, PATIENCE, no_answer},
    store,
};
use crate::{error::Result, services::Services};

/// How long announcements are gathered into one.
const GATHER: Duration = Duration::from_millis(5);

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

/// Tells other processes of what is enqueued in the one called `name`: one call for any number of jobs. Never resolves.
pub(super) async fn announce(services: &Services, line: &Line, name: &str) {
    loop {
        services.wake.to_announce().await;
        // In time, or other loops would wait for the line for as long as a silent network does not answer.
        let announced = timeout(PATIENCE, tell(line, name)).await;
        if let Err(error) = announced.unwrap_or_else(|_| Err(no_answer())) {
            tracing::warn!(
                error = error.chain(),
                "other processes could not be told of a job; they will find it"
            );
        }
        tokio::time::sleep(GATHER).await;
    }
}

async fn tell(line: &Line, name: &str) -> Result<()> {
    let mut turn = line.open().await?;
    store::announce(&mut turn, name).await?;
    turn.keep();
    Ok(())
}
