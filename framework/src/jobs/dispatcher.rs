//! Claims jobs, starts them and writes what became of them.

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use diesel_async::AsyncPgConnection;
use futures_util::{StreamExt as _, poll};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    JobId,
    alone::Solitude,
    keys::Digest,
    queues::Queues,
    runtime::{Attempt, Crew, Outcome, no_answer},
    store::{
        self, Alone, Beat, Cancelled, Claim, Claimed, Dispatch, Entered, Exchanged, Failed, Flush, Lease,
        Limit, Released, WorkerId,
    },
    worker::BEAT,
};
use crate::error::{Error, Result};

/// How many outcomes leave at once without waiting for more.
const FLUSH_AT: usize = 1000;

/// How long an outcome waits for others to leave with.
const FLUSH_AFTER: Duration = Duration::from_millis(2);

/// How long a slot stays free, while jobs wait, for others to become free as well: a claim of one costs hardly less than one
/// of twenty.
const CLAIM_AFTER: Duration = Duration::from_millis(5);

/// How often the queue is looked at while nothing is heard: soon after something was found, as whoever enqueued it and does
/// not say so may go on, then half as often each time that nothing is.
const POLL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// How long the database may take for an exchange before the connection is given up.
const ANSWER: Duration = Duration::from_secs(5);

/// How long to wait before connecting again: at first, and at last.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The loop that owns the connection on which jobs are claimed and finished.
pub(super) struct Dispatcher {
    crew: Arc<Crew>,
    kinds: Vec<&'static str>,
    versions: Vec<(&'static str, i16)>,
    /// Those of the kinds of which only so many jobs of one key may run at once.
    limits: Vec<Limit>,
    stop: CancellationToken,
    heard_stop: bool,
    idle_requests: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    waiting_for_idle: Vec<oneshot::Sender<()>>,

    /// The jobs whose end the database does not know yet: running, or ended and in `flush`.
    held: HashMap<JobId, Held>,
    /// Jobs that are claimed and not started: the next exchange leaves first, if it is due.
    claimed: Vec<(usize, Claimed, CancellationToken)>,
    /// The attempts, with the queues of their jobs.
    running: JoinSet<(usize, Attempt)>,
    flush: Flush,

    worker: Option<WorkerId>,
    /// Whether it may have entered before.
    has_entered: bool,
    /// Whether it has said that it cannot listen.
    said_deaf: bool,
    /// Whether a job that runs may have been cancelled since the last beat.
    asks: bool,
    beaten_at: Instant,
    /// When the next exchange leaves at the latest.
    due_at: Instant,
    poll: Duration,
    /// Whether there may be due jobs that the last claim had no slots for.
    more: bool,
    queues: Queues,
    solitude: Solitude,
    /// Whether the last beat said that this process claims nothing else.
    said_alone: bool,
    /// Whether the last exchange looked at all queues from the beginning.
    looked_at_everything: bool,

    /// The concurrency keys of jobs that have ended, until others that wait for them have been told.
    freed: HashSet<Digest>,
    /// Whether there may be due jobs with a key that have not been looked at.
    more_keyed: bool,
    /// When they are looked for at the latest.
    keyed_due_at: Instant,
    /// Whether they come before the others: every second time, so that neither starves the other.
    keyed_first: bool,
}

/// A job of this process.
struct Held {
    lease: Lease,
    concurrency_key: Option<Digest>,
    /// Whether it is part of a batch.
    in_batch: bool,
    /// Tells the handler that somebody cancelled the job.
    cancel: CancellationToken,
}

/// Why a session with the database ended.
enum Ended {
    /// Everything is written and the process has left.
    Stopped,
    /// The process was declared dead: what it held is no longer its own.
    DeclaredDead,
}

impl Dispatcher {
    pub(super) fn new(
        crew: Arc<Crew>,
        stop: CancellationToken,
        idle_requests: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    ) -> Self {
        let now = Instant::now();
        Self {
            kinds: crew.jobs.keys().copied().collect(),
            versions: super::kinds::versions(&crew.jobs),
            limits: super::kinds::limits(&crew.jobs),
            queues: Queues::new(crew.jobs.values(), &crew.settings),
            crew,
            stop,
            heard_stop: false,
            idle_requests,
            waiting_for_idle: Vec::new(),
            held: HashMap::new(),
            claimed: Vec::new(),
            running: JoinSet::new(),
            flush: Flush::default(),
            worker: None,
            has_entered: false,
            said_deaf: false,
            asks: false,
            beaten_at: now,
            due_at: now,
            poll: POLL.0,
            more: false,
            solitude: Solitude::new(now),
            said_alone: false,
            looked_at_everything: false,
            freed: HashSet::new(),
            more_keyed: true,
            keyed_due_at: now,
            keyed_first: false,
        }
    }

    /// Works until told to stop, and then until nothing runs and everything is written.
    pub(super) async fn run(mut self) {
        let mut pause = RECONNECT.0;
        loop {
            match self.session(&mut pause).await {
                Ok(Ended::Stopped) => return,
                Ok(Ended::DeclaredDead) => self.forget_all(),
                Err(error) => {
                    tracing::error!(
                        error = error.chain(),
                        "the job dispatcher lost its connection; connecting again"
                    );
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RECONNECT.1);
                }
            }
        }
    }

    /// Connects and works until the connection is lost, the process is declared dead, or all is done.
    async fn session(&mut self, pause: &mut Duration) -> Result<Ended> {
        let connector = &self.crew.services.database.engine;
        let process = &self.crew.services.database.process;
        let mut dispatch = in_time(store::open_dispatcher(connector, process)).await?;
        if let Some(error) = &dispatch.deaf
            && !std::mem::replace(&mut self.said_deaf, true)
        {
            tracing::warn!(
                error,
                "the database does not let this process LISTEN: it finds jobs that others enqueue up to {:?} later, and \
                 cancelled ones up to {BEAT:?} later",
                POLL.1
            );
        }
        self.register(&dispatch).await?;
        *pause = RECONNECT.0;
        self.queues.forget();
        self.due_at = Instant::now();
        loop {
            self.wait(&mut dispatch.connection).await?;
            self.keyed_first = !self.keyed_first;
            if self.keyed_first {
                self.claim_keyed(&dispatch).await?;
            }
            if !self.exchange(&dispatch).await? {
                return Ok(Ended::DeclaredDead);
            }
            self.claim_alone(&dispatch).await?;
            self.claim_keyed(&dispatch).await?;
            self.plan_next();
            if self.stop.is_cancelled() && self.is_idle() {
                if let Some(worker) = self.worker.take() {
                    in_time(async { Ok(store::deregister(&dispatch.connection, worker).await?) }).await?;
                }
                return Ok(Ended::Stopped);
            }
        }
    }

    async fn register(&mut self, Dispatch { connection, begin, .. }: &Dispatch) -> Result<()> {
        let now = Instant::now();
        let held: Vec<_> = self.held.iter().map(|(id, held)| (*id, held.lease)).collect();
        let process = &self.crew.services.database.process;
        // An entry that got no answer may have been made all the same.
        let again = std::mem::replace(&mut self.has_entered, true);
        let entered = async { Ok(store::register(connection, begin, process, again, &held).await?) };
        let Entered { worker, was_dead } = in_time(entered).await?;
        if was_dead && self.worker.is_some() {
            self.forget_all();
        }
        self.has_entered = true;
        self.worker = Some(worker);
        self.beaten(now);
        Ok(())
    }

    /// Takes in outcomes and hints until an exchange is due.
    async fn wait(&mut self, connection: &mut AsyncPgConnection) -> Result<()> {
        let crew = self.crew.clone();
        let stop = self.stop.clone();
        let notifications = connection.notifications_stream();
        tokio::pin!(notifications);
        loop {
            while let Some(ended) = self.running.try_join_next() {
                self.absorb(ended);
            }
            if self.due_at <= Instant::now() {
                return Ok(());
            }
            self.launch();
            tokio::select! {
                Some(ended) = self.running.join_next() => self.absorb(ended),
                () = crew.services.wake.heard() => self.hint(),
                notification = notifications.next() => match notification {
                    Some(Ok(notification)) if notification.payload == crew.services.database.process => {}
                    Some(Ok(notification)) if notification.payload == store::CANCELLED => {
                        self.asks = true;
                        self.due_at = Instant::now();
                    }
                    Some(Ok(_)) => self.hint(),
                    Some(Err(error)) => return Err(error.into()),
                    None => return Err(Error::unavailable("the connection to the database was closed")),
                },
                Some(request) = self.idle_requests.recv() => {
                    self.waiting_for_idle.push(request);
                    self.due_at = Instant::now();
                }
                () = stop.cancelled(), if !self.heard_stop => {
                    self.heard_stop = true;
                    self.due_at = Instant::now();
                }
                () = sleep_until(self.due_at) => {}
            }
        }
    }

    fn hint(&mut self) {
        self.poll = POLL.0;
        self.more = true;
        self.more_keyed = true;
        if self.free() > 0 {
            self.due_at = Instant::now();
        }
    }

    /// How many jobs may be started that need not run alone.
    fn free(&self) -> usize {
        if self.stop.is_cancelled() || self.solitude.is_wanted() { 0 } else { self.queues.free() }
    }

    /// Notes what became of a job.
    fn absorb(&mut self, ended: Result<(usize, Attempt), tokio::task::JoinError>) {
        let Ok((queue, Attempt { id, lease, outcome })) = ended else { return };
        self.queues.ended(queue);
        let Some(&Held { in_batch, .. }) = self.held.get(&id).filter(|held| held.lease == lease) else {
            return;
        };
        match outcome {
            Outcome::Completed(completion) => {
                self.flush.complete(id, lease, completion);
                self.flush.counts |= in_batch;
            }
            Outcome::Interrupted => self.flush.released.push(Released { id, lease, delay_ms: None }),
            Outcome::Snoozed { delay_ms } => {
                self.flush.released.push(Released { id, lease, delay_ms: Some(delay_ms) });
            }
            Outcome::Cancelled { error } => self.flush.cancelled.push(Cancelled { id, lease, error }),
            Outcome::Failed { error, delay_ms } => {
                self.flush.failed.push(Failed { id, lease, delay_ms, error });
            }
            Outcome::Committed => self.let_go(id),
            Outcome::Lost => {
                self.let_go(id);
                tracing::warn!(
                    job = id,
                    "a job was taken from this process before it was done; its effects are undone"
                );
            }
        }
        self.hurry();
    }

    /// Has the next exchange leave soon, as jobs have ended: at once if there is enough to tell, or much to claim, or no
    /// other job that may end.
    fn hurry(&mut self) {
        let now = Instant::now();
        let half_free = self.more && self.queues.half_free();
        if self.flush.len() >= FLUSH_AT || half_free || self.running.is_empty() || self.stop.is_cancelled() {
            self.due_at = now;
        } else if !self.flush.is_empty() || !self.freed.is_empty() {
            self.due_at = self.due_at.min(now + FLUSH_AFTER);
        } else if self.more {
            self.due_at = self.due_at.min(now + CLAIM_AFTER);
        }
    }

    /// Writes outcomes, beats if it is time, and claims and starts as many jobs as there are slots; false if the
    /// process was declared dead.
    async fn exchange(&mut self, Dispatch { connection, begin, .. }: &Dispatch) -> Result<bool> {
        let sent_at = Instant::now();
        let worker = self.worker.ok_or_else(|| Error::internal("a dispatcher without a number"))?;
        let beats = self.asks || sent_at >= self.beaten_at + BEAT || !self.waiting_for_idle.is_empty();
        let free = self.free();
        let looks_at_everything = !self.waiting_for_idle.is_empty() || self.queues.forgot(sent_at);
        self.queues.turn();
        let claim = (free > 0).then(|| Claim {
            limit: i32::try_from(free).unwrap_or(i32::MAX),
            shares: self.queues.shares(looks_at_everything),
            kinds: self.kinds.clone(),
            versions: self.versions.clone(),
            keyed: self.limits.iter().map(|limit| limit.kind).collect(),
            worker,
        });
        self.looked_at_everything = looks_at_everything && claim.is_some();
        if !self.flush.is_empty() || beats || claim.is_some() {
            let is_alone = self.solitude.is_wanted();
            let alone = beats.then(|| self.alone(worker));
            let running = if beats { self.queues.running() } else { Vec::new() };
            let beat = alone.as_ref().map(|alone| Beat { is_alone, running: &running, alone });
            let flush = std::mem::take(&mut self.flush);
            let exchange = store::exchange(connection, begin, &flush, beat, claim.as_ref());
            let exchanged = self.meanwhile(in_time(async { Ok(exchange.await?) })).await;
            let Exchanged { accepted, alive, may_be_alone, to_stop, claimed } = match exchanged {
                Ok(exchanged) => exchanged,
                Err(error) => {
                    self.flush.append(flush);
                    return Err(error);
                }
            };
            if !alive {
                return Ok(false);
            }
            if beats {
                self.beaten(sent_at);
                self.asks = false;
                self.said_alone = is_alone;
                self.solitude.look(may_be_alone, sent_at);
            }
            self.settle(flush, accepted);
            for (id, lease) in to_stop {
                if let Some(held) = self.held.get(&id).filter(|held| held.lease == lease) {
                    held.cancel.cancel();
                }
            }
            if claim.is_some() && looks_at_everything {
                self.queues.looked_at_everything(sent_at, &claimed);
            }
            if let Some(claim) = claim {
                self.more = claim.may_leave_some(&claimed);
                self.poll = if claimed.is_empty() { (self.poll * 2).min(POLL.1) } else { POLL.0 };
                claimed.iter().for_each(|job| self.queues.found(job));
                self.take(claimed);
            }
        } else {
            self.launch();
        }
        Ok(true)
    }

    /// Tells those who wait for the keys of jobs that have ended, and claims and starts jobs that have a key, if it is time
    /// to look for them and there are slots.
    async fn claim_keyed(&mut self, Dispatch { connection, begin, .. }: &Dispatch) -> Result<()> {
        let now = Instant::now();
        let looks = self.more_keyed || self.keyed_due_at <= now || !self.waiting_for_idle.is_empty();
        let is_due = !self.freed.is_empty() || looks && !self.limits.is_empty() && self.free() > 0;
        if !is_due {
            return Ok(());
        }
        let free = self.free();
        let worker = self.worker.ok_or_else(|| Error::internal("a dispatcher without a number"))?;
        let claim = Claim {
            limit: i32::try_from(free).unwrap_or(i32::MAX),
            shares: self.queues.shares(true),
            worker,
            ..Claim::default()
        };
        let freed: Vec<_> = self.freed.drain().collect();
        let limits = self.limits.clone();
        let claimed = store::claim_keyed(connection, begin, &freed, &claim, &limits);
        let claimed = self.meanwhile(in_time(async { Ok(claimed.await?) })).await;
        let claimed = claimed.inspect_err(|_| self.freed.extend(freed))?;
        if free > 0 {
            self.more_keyed = claim.may_leave_some(&claimed);
            self.keyed_due_at = now + if claimed.is_empty() { self.poll } else { POLL.0 };
        }
        self.take(claimed);
        Ok(())
    }

    /// Says when the next exchange leaves at the latest, and tells those who wait for it that nothing is left to do.
    fn plan_next(&mut self) {
        self.more |= self.more_keyed && !self.limits.is_empty();
        self.due_at = if self.asks { Instant::now() } else { self.beaten_at + BEAT };
        if self.free() > 0 {
            self.due_at = self.due_at.min(Instant::now() + self.poll);
        }
        if !self.flush.is_empty() || !self.freed.is_empty() {
            self.hurry();
        }
        if self.is_idle() && !self.solitude.is_wanted() && self.looked_at_everything {
            for request in self.waiting_for_idle.drain(..) {
                // Whoever asked may have gone.
                let _ = request.send(());
            }
        }
    }

    /// Claims and starts a job that must run alone, if there is one and nothing else runs.
    async fn claim_alone(&mut self, Dispatch { connection, begin, .. }: &Dispatch) -> Result<()> {
        let now = Instant::now();
        // Others know of it first, so that not all do it.
        if self.said_alone
            && self.solitude.begins(self.running.len() + self.claimed.len(), now)
            && !self.stop.is_cancelled()
        {
            let worker = self.worker.ok_or_else(|| Error::internal("a dispatcher without a number"))?;
            let alone = self.alone(worker);
            let mut claimed =
                in_time(async { Ok(store::claim_alone(connection, begin, &alone).await?) }).await?;
            self.solitude.claimed(!claimed.is_empty(), now);
            for job in &mut claimed {
                // It may stand in another that an older version had it in.
                if let Some(known) = self.crew.jobs.get(job.kind.as_str()) {
                    known.queue.clone_into(&mut job.queue);
                }
                tracing::info!(
                    job = job.kind,
                    id = job.id,
                    crashes = job.crashes,
                    "a job runs alone in this process, as another vanished while it ran it"
                );
            }
            self.take(claimed);
        }
        if self.solitude.is_wanted() != self.said_alone {
            self.queues.forget();
            self.asks = true;
        }
        Ok(())
    }

    /// What this process may run alone.
    fn alone(&self, worker: WorkerId) -> Alone {
        let jobs = self.crew.jobs.values().filter(|job| self.queues.has(job.queue));
        Alone { worker, kinds: jobs.map(|job| job.name).collect(), versions: self.versions.clone() }
    }

    /// Whether nothing runs and everything is written.
    fn is_idle(&self) -> bool {
        self.claimed.is_empty() && self.running.is_empty() && self.flush.is_empty() && self.freed.is_empty()
    }

    /// Waits for an answer of the database. Meanwhile, once the request has left, it starts the jobs that are claimed and
    /// takes in outcomes, so that neither side waits for the other.
    async fn meanwhile<T>(&mut self, request: impl Future<Output = T>) -> T {
        let mut request = pin!(request);
        let answer = poll!(&mut request);
        self.launch();
        if let Poll::Ready(answer) = answer {
            return answer;
        }
        loop {
            tokio::select! {
                biased;
                answer = &mut request => return answer,
                Some(ended) = self.running.join_next() => self.absorb(ended),
            }
        }
    }

    fn beaten(&mut self, sent_at: Instant) {
        self.beaten_at = sent_at;
        self.crew.worker.beaten(sent_at);
    }

    /// Forgets the jobs whose outcomes have been written.
    fn settle(&mut self, flush: Flush, accepted: usize) {
        if accepted < flush.len() {
            let lost = flush.len() - accepted;
            tracing::warn!(
                lost,
                "jobs were taken from this process before it could write what became of them"
            );
        }
        let failed = flush.failed.iter().map(|job| job.id);
        let cancelled = flush.cancelled.iter().map(|job| job.id);
        let released = flush.released.iter().map(|job| job.id);
        let completed = flush.completed.iter().flatten().map(|(id, _)| *id);
        let ids = completed.chain(failed).chain(cancelled).chain(released);
        for id in ids {
            self.let_go(id);
        }
    }

    /// Forgets a job that does not run any more, and of which the database knows.
    fn let_go(&mut self, id: JobId) {
        let Some(held) = self.held.remove(&id) else { return };
        self.freed.extend(held.concurrency_key);
        if held.in_batch {
            self.crew.ends.ended();
        }
    }

    /// Takes in jobs that are now this process's.
    fn take(&mut self, claimed: Vec<Claimed>) {
        for job in claimed {
            let Some(queue) = self.queues.started(&job) else { continue };
            let cancel = CancellationToken::new();
            let concurrency_key = job.concurrency_key.as_deref().and_then(|key| Digest::try_from(key).ok());
            let in_batch = job.batch.is_some();
            let held = Held { lease: job.lease, concurrency_key, in_batch, cancel: cancel.clone() };
            self.held.insert(job.id, held);
            self.claimed.push((queue, job, cancel));
        }
    }

    /// Starts what is claimed.
    fn launch(&mut self) {
        for (queue, job, cancel) in self.claimed.drain(..) {
            let attempt = self.crew.clone().attempt(job, cancel);
            // It is large, and `spawn` hands it on several times.
            self.running.spawn(Box::pin(async move { (queue, attempt.await) }));
        }
    }

    /// Drops everything this process held, which now belongs to others.
    fn forget_all(&mut self) {
        tracing::error!("this process was declared dead by another; its running jobs are dropped");
        self.crew.worker.interrupt();
        self.held.clear();
        self.solitude = Solitude::new(Instant::now());
        self.said_alone = false;
        for (queue, ..) in self.claimed.drain(..) {
            self.queues.ended(queue);
        }
        self.freed.clear();
        self.flush = Flush::default();
        self.worker = None;
        self.has_entered = false;
    }
}

/// Fails when the database does not answer in time: a silent network must not stop the loop.
async fn in_time<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(ANSWER, work).await.map_err(|_| no_answer())?
}
