//! Handlers that compute, each on a thread of its own.

use std::{any::Any, future::pending, pin::pin, thread};

use tokio::{runtime::Handle, select, sync::oneshot, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{Crew, Outcome};
use crate::{
    error::{Error, Result},
    jobs::{Job, JobId},
};

/// What a thread that runs a handler brings: the outcome, an error, or a panic.
pub(super) type Handled = thread::Result<Result<Outcome>>;

impl Crew {
    /// Drives a handler on a thread of its own, which is none of Tokio's: those are few, and waited for at the end.
    ///
    /// Nothing can stop a thread. When its time is up, or the job is cancelled, the handler is told by `told`; it may
    /// look, or await something, where it is dropped. One that does neither is reported, and has its slot until it
    /// returns: what it returns counts. Only when the process must let go of its jobs are handlers left behind.
    pub(super) async fn on_a_thread(
        &self,
        (job, id): (&Job, JobId),
        (cancel, told): (&CancellationToken, &CancellationToken),
        handler: impl Future<Output = Handled> + Send + 'static,
    ) -> Handled {
        let stop = self.worker.token();
        let (send, ended) = oneshot::channel();
        let runtime = Handle::current();
        let thread = thread::Builder::new().name(format!("job {}", job.name));
        if let Err(error) = thread.spawn(move || drop(send.send(runtime.block_on(handler)))) {
            return Ok(Err(Error::internal("there is no thread for a blocking job").because(error)));
        }
        let overdue = pin!(async {
            let limit = job.timeout.unwrap_or(self.settings.timeout);
            select! {
                () = sleep(limit) => {}
                () = cancel.cancelled() => {}
            }
            told.cancel();
            sleep(self.settings.cancel_grace).await;
            tracing::error!(
                job = job.name,
                id,
                "the job is stuck: it was told to stop and computes on, and nothing can stop it; its slot is taken until it \
                 returns"
            );
            pending::<()>().await;
        });
        select! {
            biased;
            ended = ended => ended.unwrap_or_else(|gone| Err(Box::new(gone) as Box<dyn Any + Send>)),
            () = stop.cancelled() => {
                told.cancel();
                Ok(Ok(Outcome::Interrupted))
            }
            () = overdue => Ok(Ok(Outcome::Interrupted)),
        }
    }
}
