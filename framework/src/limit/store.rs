//! Every command that Redis gets, and what becomes of a Redis that does not answer.
//!
//! One connection carries all requests, since Redis answers in order and the client pipelines by itself. A decision has
//! a budget of 100 ms. After some failures nobody waits any more: the breaker opens, a task of its own asks until
//! Redis answers again, and meanwhile the caller counts in memory.

mod fault;

use std::{
    sync::{
        Arc, LazyLock, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fred::{
    clients::WithOptions,
    error::{Error, ErrorKind},
    interfaces::EventInterface as _,
    prelude::{Builder, Client, ClientLike as _, Config, ReconnectPolicy, ServerConfig, Value},
    types::{
        ClusterHash, CustomCommand,
        config::{Options, UnresponsiveConfig},
    },
};
use futures_util::future::try_join_all;
use sha1::{Digest as _, Sha1};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};

pub(super) use self::fault::Fault;
use self::fault::plain;
use super::{
    endpoint::{Endpoint, Place},
    quota::Quota,
    tier::{Bucket, Taken},
    window::Standing,
};
use crate::{metrics, tls};

/// How long one decision may take.
const BUDGET: Duration = Duration::from_millis(100);

/// How many decisions may wait for Redis at once; the others are taken in memory.
const IN_FLIGHT: usize = 1024;

/// So many failures within [`FAILING`] open the breaker.
const FAILURES: u32 = 3;
const FAILING: Duration = Duration::from_secs(1);

/// How long to wait between two questions whether Redis is back: this, then twice as long each time, up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How many places of a cluster are asked whether they are back.
const PROBES: u32 = 16;

/// How long the start waits for Redis before it goes on without.
const PATIENCE: Duration = Duration::from_secs(3);

/// A script, and the name under which a Redis knows it that has seen it.
struct Script {
    text: &'static str,
    sha1: String,
}

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));
static REFUND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("refund.lua")));

impl Script {
    fn new(text: &'static str) -> Self {
        let sha1 = Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { text, sha1 }
    }
}

/// A Redis that counts for all processes.
pub(super) struct Store(Arc<Shared>);

struct Shared {
    client: WithOptions<Client>,
    /// How long a call may take.
    budget: Duration,
    is_cluster: bool,
    in_flight: Semaphore,
    nonce: AtomicU64,
    breaker: Breaker,
    /// Before the names of all keys.
    prefix: String,
    /// What last went wrong with the connection.
    trouble: Mutex<Option<String>>,
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
        let shared = Arc::new(Shared {
            client: client.with_options(&options(BUDGET)),
            budget: BUDGET,
            is_cluster: matches!(endpoint.place, Place::Cluster(_)),
            in_flight: Semaphore::new(IN_FLIGHT),
            nonce: AtomicU64::new(0),
            breaker: Breaker::default(),
            prefix: format!("{app}:limit:"),
            trouble: Mutex::default(),
        });
        let listener = Arc::downgrade(&shared);
        client.on_error(move |(error, _)| {
            let listener = listener.clone();
            async move {
                if let Some(shared) = listener.upgrade() {
                    shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).replace(plain(&error));
                }
                Ok(())
            }
        });
        client.connect();
        if let Some(why) = away {
            shared.open(&why);
        } else if !matches!(timeout(PATIENCE, client.wait_for_connect()).await, Ok(Ok(()))) {
            shared.open("it cannot be reached");
        }
        Ok(Self(shared))
    }

    /// Takes one request from every bucket, or from none, in one round trip.
    ///
    /// # Errors
    /// When Redis does not decide within 100 ms, or is known not to.
    pub(super) async fn take(&self, buckets: &[Bucket]) -> Result<Taken, Away> {
        let limits = buckets.iter().map(|bucket| (self.0.key(bucket), bucket.policy.quota)).collect();
        self.decide(self.0.take(limits)).await
    }

    /// Gives one request back.
    ///
    /// # Errors
    /// When Redis does not do it within 100 ms; then it stays taken.
    pub(super) async fn refund(&self, bucket: &Bucket, slot_ms: u64) -> Result<(), Away> {
        let (key, slot) = (self.0.key(bucket), slot_ms.to_string());
        self.decide(async { self.0.run(&REFUND, &[key], &[slot]).await.map(drop) }).await
    }

    async fn decide<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Away> {
        if self.0.breaker.is_open() {
            return Err(Away);
        }
        let Ok(_permit) = self.0.in_flight.try_acquire() else { return Err(Away) };
        call.await.map_err(|error| {
            if self.0.breaker.has_had_enough() {
                self.0.open(&self.0.explained(&error));
            }
            Away
        })
    }
}

impl Shared {
    /// The name of a bucket. What stands in braces tells a cluster where to keep it.
    fn key(&self, bucket: &Bucket) -> String {
        let (prefix, name, hash) = (&self.prefix, &bucket.policy.name, URL_SAFE_NO_PAD.encode(bucket.hash));
        if bucket.policy.is_joint {
            format!("{prefix}{{auth}}:{name}:{hash}")
        } else {
            format!("{prefix}{{{hash}}}:{name}")
        }
    }

    async fn take(&self, limits: Vec<(String, Quota)>) -> Result<Taken, Error> {
        let (keys, quotas): (Vec<_>, Vec<_>) = limits.into_iter().unzip();
        let quotas: Vec<_> =
            quotas.iter().flat_map(|quota| [quota.count.to_string(), quota.window_ms.to_string()]).collect();
        let reply = self.run(&TAKE, &keys, &quotas).await?;
        let strange = || Error::new(ErrorKind::Protocol, "Redis answered with something strange");
        let numbers: Option<Vec<_>> =
            reply.iter().map(|value| value.as_i64().and_then(|number| u64::try_from(number).ok())).collect();
        let numbers = numbers.ok_or_else(strange)?;
        let (admitted, standings) = numbers.split_first().ok_or_else(strange)?;
        if standings.len() != 4 * keys.len() {
            return Err(strange());
        }
        let standings = standings.chunks_exact(4).map(|standing| Standing {
            remaining: u32::try_from(standing[0]).unwrap_or(u32::MAX),
            retry_ms: standing[1],
            more_ms: standing[2],
            slot_ms: standing[3],
        });
        Ok(Taken { is_admitted: *admitted == 1, standings: standings.collect() })
    }

    /// Runs a script within the budget and returns what it replied behind the nonce.
    async fn run(&self, script: &Script, keys: &[String], arguments: &[String]) -> Result<Vec<Value>, Error> {
        // A reply that belongs to another call would be taken for the right one; the nonce tells them apart.
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed).to_string();
        let words = |first: &str| -> Vec<Value> {
            let numbers = [keys.len().to_string()];
            let words = numbers.iter().chain(keys).chain([&nonce]).chain(arguments).map(|word| word.as_str());
            std::iter::once(first).chain(words).map(Value::from).collect()
        };
        let command = |name| CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        let started = Instant::now();
        // The client's future has 7 kB, and is moved several times on its way into the box of the decision.
        let sent = Box::pin(self.client.custom(command("EVALSHA"), words(&script.sha1)));
        let reply: Result<Value, Error> = sent.await;
        let reply = match reply {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                let client =
                    (*self.client).with_options(&options(self.budget.saturating_sub(started.elapsed())));
                Box::pin(client.custom(command("EVAL"), words(script.text))).await?
            }
            reply => reply?,
        };
        match reply {
            Value::Array(mut values)
                if values.first().and_then(Value::as_str).is_some_and(|it| *it == *nonce) =>
            {
                values.remove(0);
                Ok(values)
            }
            _ => Err(Error::new(ErrorKind::Protocol, "Redis answered to another question")),
        }
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
        if self.breaker.is_open.swap(true, Ordering::Relaxed) {
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
        try_join_all((0..places).map(|place| self.take(vec![probe(&self.prefix, place)]))).await.map(drop)
    }
}

/// A limit of nobody, which is gone after a second.
fn probe(prefix: &str, place: u32) -> (String, Quota) {
    (format!("{prefix}{{probe{place}}}"), Quota::new(u32::MAX, 1000))
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

/// Opens after some failures in a short time.
#[derive(Default)]
struct Breaker {
    is_open: AtomicBool,
    failures: Mutex<Option<(Instant, u32)>>,
}

impl Breaker {
    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Counts a failure; whether it is one too many.
    fn has_had_enough(&self) -> bool {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) =
            failures.filter(|(since, _)| since.elapsed() < FAILING).unwrap_or((Instant::now(), 0));
        *failures = Some((since, count + 1));
        count + 1 >= FAILURES
    }

    fn close(&self) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.is_open.store(false, Ordering::Relaxed);
    }
}

/// How one command is sent: once, within this time, and not at all without a connection. In a cluster it goes where its
/// first key is, the third word; the client takes that from here alone.
fn options(budget: Duration) -> Options {
    Options {
        max_attempts: Some(1),
        fail_fast: true,
        timeout: Some(budget),
        cluster_hash: Some(ClusterHash::Offset(2)),
        ..Options::default()
    }
}

/// A client that is not connected yet. Without a policy it tries once.
fn client(endpoint: &Endpoint, policy: Option<ReconnectPolicy>) -> Result<Client, String> {
    let tls = if endpoint.is_tls {
        let config = tls::client().with_root_certificates(tls::system_authorities()?).with_no_client_auth();
        Some(fred::types::config::TlsConfig::from(fred::types::config::TlsConnector::from(config)))
    } else {
        None
    };
    let config = Config {
        fail_fast: policy.is_none(),
        server: match &endpoint.place {
            Place::Server(host, port) => ServerConfig::new_centralized(host, *port),
            Place::Cluster(nodes) => ServerConfig::new_clustered(nodes.clone()),
            Place::Socket(path) => ServerConfig::Unix { path: path.clone() },
        },
        username: endpoint.user.clone(),
        password: endpoint.password.clone(),
        database: endpoint.database,
        tls,
        ..Config::default()
    };
    let mut builder = Builder::from_config(config);
    builder.with_connection_config(|connection| {
        connection.connection_timeout = Duration::from_secs(2);
        connection.internal_command_timeout = Duration::from_secs(2);
        connection.max_command_attempts = 1;
        connection.max_command_buffer_len = IN_FLIGHT;
        connection.reconnect_on_auth_error = policy.is_some();
        connection.unresponsive = UnresponsiveConfig {
            max_timeout: Some(Duration::from_secs(1)),
            interval: Duration::from_millis(250),
        };
        connection.tcp.nodelay = Some(true);
    });
    if let Some(policy) = policy {
        builder.set_policy(policy);
    }
    builder.build().map_err(|error| error.to_string())
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
    let shared = Shared {
        client: client.with_options(&options(PATIENCE)),
        budget: PATIENCE,
        is_cluster: false,
        in_flight: Semaphore::new(IN_FLIGHT),
        nonce: AtomicU64::new(0),
        breaker: Breaker::default(),
        prefix: format!("{app}:limit:"),
        trouble: Mutex::default(),
    };
    let tried = async {
        let connection = client.init().await?;
        shared.take(vec![probe(&shared.prefix, 0)]).await?;
        // The first one may have brought the script along.
        let started = Instant::now();
        shared.take(vec![probe(&shared.prefix, 0)]).await?;
        let took = started.elapsed();
        let question = CustomCommand::new_static("CONFIG", ClusterHash::Random, false);
        let settings: Result<Vec<String>, Error> =
            client.custom(question, vec!["GET", "maxmemory-policy"]).await;
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
