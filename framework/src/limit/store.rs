//! Every command that Redis gets, and what becomes of a Redis that does not answer.
//!
//! One connection carries all requests, since Redis answers in order and the client pipelines by itself. Requests that
//! come while others are being decided on share one call of a script (`gather.rs`). A decision has a budget of 100 ms.
//! After some failures nobody waits any more: the breaker opens, a task of its own asks until Redis answers again, and
//! meanwhile the caller counts in memory.

mod breaker;
mod client;
mod fault;
mod gather;
mod script;

use std::{
    fmt::{self, Display},
    iter,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{display::Base64Display, engine::general_purpose::URL_SAFE_NO_PAD};
use fred::{
    error::{Error, ErrorKind},
    interfaces::EventInterface as _,
    prelude::{Client, ClientLike as _, ReconnectPolicy, Value},
    types::{ClusterHash, CustomCommand},
};
use futures_util::future::try_join_all;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::{Instant, sleep, timeout},
};

pub(super) use self::fault::Fault;
use self::{
    breaker::Breaker,
    client::{client, options},
    fault::plain,
    gather::Gather,
    script::{REFUND, Script, TAKE, Words, taken, taking},
};
use super::{
    endpoint::{Endpoint, Place},
    quota::Quota,
    tier::{Bucket, Taken},
};
use crate::metrics;

/// How long one decision may take.
const BUDGET: Duration = Duration::from_millis(100);

/// How many decisions may wait for Redis at once; the others are taken in memory.
const IN_FLIGHT: usize = 1024;

/// How many decisions one script takes: it has a Redis to itself for as long, less than a millisecond.
const TOGETHER: usize = 64;

/// How long to wait between two questions whether Redis is back: this, then twice as long each time, up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How many places of a cluster are asked whether they are back.
const PROBES: u32 = 16;

/// How long the start waits for Redis before it goes on without.
const PATIENCE: Duration = Duration::from_secs(3);

/// A Redis that counts for all processes.
pub(super) struct Store {
    shared: Arc<Shared>,
    decisions: Gather<Decision>,
    in_flight: Arc<Semaphore>,
}

struct Shared {
    client: Client,
    is_cluster: bool,
    nonce: AtomicU64,
    breaker: Breaker,
    /// Before the names of all keys.
    prefix: String,
    /// What last went wrong with the connection.
    trouble: Mutex<Option<String>>,
}

/// One request that waits to be decided on.
struct Decision {
    buckets: Vec<Bucket>,
    since: Instant,
    answer: oneshot::Sender<Taken>,
    /// Of [`IN_FLIGHT`].
    _permit: OwnedSemaphorePermit,
}

/// Redis did not decide.
#[derive(Debug)]
pub(super) struct Away;

impl Store {
    /// Connects in the background. `app` keeps applications apart that share a Redis. If it is known to be `away`, the
    /// first question is whether it is there by now.
    ///
    /// # Errors
    /// When the connection cannot even be tried.
    pub(super) async fn connect(
        endpoint: &Endpoint,
        app: &str,
        away: Option<String>,
    ) -> Result<Self, String> {
        let client = client(endpoint, Some(ReconnectPolicy::new_exponential(0, 50, 500, 2)))?;
        let shared = Arc::new(Shared::new(client, app, matches!(endpoint.place, Place::Cluster(_))));
        let listener = Arc::downgrade(&shared);
        shared.client.on_error(move |(error, _)| {
            let listener = listener.clone();
            async move {
                if let Some(shared) = listener.upgrade() {
                    shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).replace(plain(&error));
                }
                Ok(())
            }
        });
        shared.client.connect();
        if let Some(why) = away {
            shared.open(&why);
        } else if !matches!(timeout(PATIENCE, shared.client.wait_for_connect()).await, Ok(Ok(()))) {
            shared.open("it cannot be reached");
        }
        // In a cluster what one script takes must be in one place; only those of one request are known to be.
        let together = if shared.is_cluster { 1 } else { TOGETHER };
        let carrier = shared.clone();
        let decisions = Gather::new(together, move |all| Box::pin(carrier.clone().decide(all)));
        Ok(Self { shared, decisions, in_flight: Arc::new(Semaphore::new(IN_FLIGHT)) })
    }

    /// Takes one request from every bucket, or from none, in one round trip.
    ///
    /// # Errors
    /// When Redis does not decide within 100 ms, or is known not to.
    pub(super) async fn take(&self, buckets: &[Bucket]) -> Result<Taken, Away> {
        let permit = self.admit()?;
        let (answer, taken) = oneshot::channel();
        let since = Instant::now();
        self.decisions.add(Decision { buckets: buckets.to_vec(), since, answer, _permit: permit });
        taken.await.map_err(|_| Away)
    }

    /// Gives one request back.
    ///
    /// # Errors
    /// When Redis does not do it within 100 ms; then it stays taken.
    pub(super) async fn refund(&self, bucket: &Bucket, slot_ms: u64) -> Result<(), Away> {
        let _permit = self.admit()?;
        let words = |nonce| {
            let mut words = Words::default();
            words.push(1);
            words.push(self.shared.key(bucket));
            words.push(nonce);
            words.push(slot_ms);
            words
        };
        let refunded = Box::pin(self.shared.run(&REFUND, words, BUDGET)).await;
        refunded.map(drop).map_err(|error| self.shared.fail(1, &error))
    }

    /// Whether it is worth asking; not more at once than can be.
    fn admit(&self) -> Result<OwnedSemaphorePermit, Away> {
        if self.shared.breaker.is_open() {
            return Err(Away);
        }
        self.in_flight.clone().try_acquire_owned().map_err(|_| Away)
    }
}

impl Shared {
    fn new(client: Client, app: &str, is_cluster: bool) -> Self {
        Self {
            client,
            is_cluster,
            nonce: AtomicU64::new(0),
            breaker: Breaker::default(),
            prefix: format!("{app}:limit:"),
            trouble: Mutex::default(),
        }
    }

    /// The name of a bucket. What stands in braces tells a cluster where to keep it.
    fn key(&self, bucket: &Bucket) -> impl Display {
        let (prefix, name) = (&self.prefix, &bucket.policy.name);
        let hash = Base64Display::new(&bucket.hash, &URL_SAFE_NO_PAD);
        fmt::from_fn(move |f| {
            if bucket.policy.is_joint {
                write!(f, "{prefix}{{auth}}:{name}:{hash}")
            } else {
                write!(f, "{prefix}{{{hash}}}:{name}")
            }
        })
    }

    /// Decides on requests in one exchange. Those that get no answer are told so by that.
    async fn decide(self: Arc<Self>, mut decisions: Vec<Decision>) {
        // Whoever has hung up is charged nothing.
        decisions.retain(|decision| !decision.answer.is_closed());
        let Some(first) = decisions.first().filter(|_| !self.breaker.is_open()) else { return };
        let budget = BUDGET.saturating_sub(first.since.elapsed());
        let limit = |bucket| (self.key(bucket), bucket.policy.quota);
        let requests = decisions.iter().map(|decision| decision.buckets.iter().map(limit));
        match self.take(requests, budget).await {
            Ok(taken) => {
                for (decision, taken) in decisions.into_iter().zip(taken) {
                    // Who has hung up since then was charged.
                    let _ = decision.answer.send(taken);
                }
            }
            Err(error) => drop(self.fail(decisions.len(), &error)),
        }
    }

    /// Takes one request from every limit of each, or from none: a limit is the name of its key, and its quota.
    async fn take<L, N>(
        &self,
        requests: impl Iterator<Item = L> + Clone,
        budget: Duration,
    ) -> Result<Vec<Taken>, Error>
    where
        L: ExactSizeIterator<Item = (N, Quota)>,
        N: Display,
    {
        let reply = self.run(&TAKE, |nonce| taking(requests.clone(), nonce), budget).await?;
        taken(&reply, requests.map(|limits| limits.len()))
    }

    /// Runs a script within the budget and returns what it replied behind the nonce, which its words hold.
    async fn run(
        &self,
        script: &'static Script,
        words: impl Fn(u64) -> Words,
        budget: Duration,
    ) -> Result<Vec<Value>, Error> {
        // A reply that belongs to another call would be taken for the right one; the nonce tells them apart.
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let reply = match self.send("EVALSHA", words(nonce).behind(&script.sha1), budget).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                let budget = budget.saturating_sub(started.elapsed());
                self.send("EVAL", words(nonce).behind(script.text), budget).await?
            }
            reply => reply?,
        };
        match reply {
            Value::Array(mut values)
                if values.first().and_then(Value::as_str).is_some_and(|it| *it == *nonce.to_string()) =>
            {
                values.remove(0);
                Ok(values)
            }
            _ => Err(Error::new(ErrorKind::Protocol, "Redis answered to another question")),
        }
    }

    async fn send(&self, name: &'static str, words: Vec<Value>, budget: Duration) -> Result<Value, Error> {
        let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        self.client.with_options(&options(budget)).custom(command, words).await
    }

    /// Counts so many decisions that were not taken.
    fn fail(self: &Arc<Self>, decisions: usize, error: &Error) -> Away {
        if self.breaker.has_had_enough(decisions) {
            self.open(&self.explained(error));
        }
        Away
    }

    /// What went wrong, for people: calls do not tell why there is no connection.
    fn explained(&self, error: &Error) -> String {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (error.kind(), trouble) {
            (ErrorKind::Canceled | ErrorKind::IO, Some(trouble)) => trouble,
            _ => plain(error),
        }
    }

    /// Has nobody wait for Redis until it answers again, which a task of its own finds out.
    fn open(self: &Arc<Self>, why: &str) {
        if !self.breaker.open() {
            return;
        }
        metrics::count_redis(false);
        tracing::warn!(
            error = why,
            "Redis does not answer: limits are counted by each process until it does"
        );
        tokio::spawn(ask_again(Arc::downgrade(self)));
    }

    /// Whether limits can be taken again, everywhere in a cluster: a PING would not tell that nothing can be written.
    async fn probe(&self) -> Result<(), Error> {
        let places = if self.is_cluster { PROBES } else { 1 };
        let probes = (0..places).map(|place| self.ask(place, BUDGET));
        try_join_all(probes).await.map(drop)
    }

    /// Takes a decision of nobody's, which is gone after a second.
    async fn ask(&self, place: u32, budget: Duration) -> Result<(), Error> {
        let name = format!("{}{{probe{place}}}", self.prefix);
        let limits = [(name.as_str(), Quota::new(u32::MAX, 1000))];
        self.take(iter::once(limits.into_iter()), budget).await.map(drop)
    }
}

/// Asks until Redis answers, or nobody wants to know any more.
async fn ask_again(shared: Weak<Shared>) {
    let (since, mut pause) = (Instant::now(), FIRST_PAUSE);
    while let Some(shared) = shared.upgrade() {
        match shared.probe().await {
            Ok(()) => {
                shared.breaker.close();
                metrics::count_redis(true);
                let seconds = since.elapsed().as_secs_f32();
                return tracing::info!(seconds, "Redis answers again");
            }
            // The client is connecting already.
            Err(error) if matches!(error.kind(), ErrorKind::Canceled | ErrorKind::IO) => {}
            // The connection may lead nowhere, or to a server that has become a replica.
            Err(_) => drop(timeout(LONGEST_PAUSE, shared.client.force_reconnection()).await),
        }
        drop(shared);
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What a Redis said when it was tried.
pub(super) struct Trial {
    /// What it does when its memory is full, if it tells.
    pub(super) when_full: Option<String>,
    /// How long a decision took.
    pub(super) took: Duration,
}

/// Connects once and takes one decision of nobody's. `app` as for [`Store::connect`].
///
/// # Errors
/// What to write instead, if that can be said.
pub(super) async fn attempt(endpoint: &Endpoint, app: &str) -> Result<Trial, Fault> {
    let client = client(endpoint, None).map_err(Fault::Refused)?;
    let shared = Shared::new(client, app, false);
    let tried = async {
        let connection = shared.client.init().await?;
        shared.ask(0, PATIENCE).await?;
        // The first one may have brought the script along.
        let started = Instant::now();
        shared.ask(0, PATIENCE).await?;
        let took = started.elapsed();
        let question = CustomCommand::new_static("CONFIG", ClusterHash::Random, false);
        let settings: Result<Vec<String>, Error> = shared
            .client
            .with_options(&options(PATIENCE))
            .custom(question, vec!["GET", "maxmemory-policy"])
            .await;
        connection.abort();
        Ok(Trial { when_full: settings.ok().and_then(|mut settings| settings.pop()), took })
    };
    match timeout(PATIENCE, tried).await {
        Ok(Ok(trial)) => Ok(trial),
        Ok(Err(error)) => Err(Fault::of(endpoint, &error)),
        Err(_) => Err(Fault::silent(endpoint)),
    }
}

#[cfg(test)]
mod tests;
