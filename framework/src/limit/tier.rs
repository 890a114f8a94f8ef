//! Which limits a request is charged to, and when: once, as soon as it is known whose it is.

use std::{
    net::IpAddr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{FutureExt as _, future::BoxFuture};
use poem::http::HeaderMap;
use uuid::Uuid;

use super::{
    Setup,
    answer::{self, Denial},
    client_ip::ClientIp,
    denied::Denied,
    key::{Hash, Hasher, Subject},
    memory::Memory,
    policy::{Policies, Policy},
    quota::Quota,
    store::{self, Away, Fault, Store, Trial},
    window::Standing,
};
use crate::{
    auth::device::DeviceId,
    clock::Clock,
    ctx::RequestScope,
    error::{Error, Result},
    metrics::{self, Decider},
    procedure::{Procedure, Tier},
};

/// One limit of one subject.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) policy: &'static Policy,
    pub(super) hash: Hash,
}

/// What became of one request, and how its limits stand.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) is_admitted: bool,
    pub(super) standings: Vec<Standing>,
}

/// What one request was charged.
#[derive(Default)]
pub(crate) struct Ledger {
    /// The limit that the caller is told of.
    shown: OnceLock<(&'static Policy, Standing)>,
    /// The account's slot, which a success gives back.
    account: OnceLock<(Bucket, u64)>,
    is_signed_in: AtomicBool,
}

/// The limits of an application.
pub(crate) struct Limits {
    policies: Policies,
    hasher: Hasher,
    /// `None` in tests that count in memory.
    store: Option<Store>,
    memory: Memory,
    denied: Denied,
    clock: Clock,
    /// Whether somebody decided where addresses are read.
    has_policy: bool,
    has_warned: AtomicBool,
}

impl Limits {
    /// Starts to limit as the settings say; `None` if they name no Redis. A Redis that does not answer now is waited
    /// for in the background.
    ///
    /// # Errors
    /// When the Redis refuses for good, as a sentence.
    pub(crate) async fn start(
        setup: &Setup,
        app: &str,
        procedures: &[&'static Procedure],
        clock: &Clock,
    ) -> Result<Option<Self>, String> {
        let Some(endpoint) = &setup.redis else { return Ok(None) };
        let away = match store::attempt(endpoint, app).await {
            Ok(trial) => {
                notice_eviction(&trial);
                None
            }
            Err(Fault::Unreachable(why)) => Some(why),
            Err(Fault::Refused(why)) => return Err(why),
        };
        let store = Store::connect(endpoint, app, away).await?;
        Ok(Some(Self::new(setup, endpoint.secret(), Some(store), procedures, clock)))
    }

    /// Limits that are counted in memory, by a clock that a test can move.
    #[cfg(feature = "testing")]
    pub(crate) fn in_memory(setup: &Setup, procedures: &[&'static Procedure], clock: &Clock) -> Self {
        Self::new(setup, b"", None, procedures, clock)
    }

    fn new(
        setup: &Setup,
        secret: &[u8],
        store: Option<Store>,
        procedures: &[&'static Procedure],
        clock: &Clock,
    ) -> Self {
        Self {
            policies: Policies::new(setup.quotas, procedures),
            hasher: Hasher::new(secret),
            store,
            memory: Memory::default(),
            denied: Denied::default(),
            clock: clock.clone(),
            has_policy: setup.client_ip.is_some(),
            has_warned: AtomicBool::new(false),
        }
    }

    /// Admits a request before its body is read: charges the address for what is public; for what deals with
    /// credentials it only asks whether the address was denied a moment ago. Returns what it was charged so far.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub(crate) async fn enter(
        &self,
        procedure: &'static Procedure,
        client: Option<IpAddr>,
    ) -> Result<Ledger> {
        let ledger = Ledger::default();
        let bucket = || self.bucket(self.policies.of(procedure), Subject::Address(client));
        match procedure.tier {
            Tier::Public => self.charge([bucket()], &ledger).await?,
            Tier::Auth => self.refuse_denied(&[bucket()], self.now_ms())?,
            Tier::Protected => {}
        }
        Ok(ledger)
    }

    /// Charges who should have been signed in and is not: the address, as for what is public.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub(crate) async fn charge_stranger(&self, request: &RequestScope) -> Result<()> {
        let bucket = self.bucket(self.policies.public, Subject::Address(request.client));
        self.charge([bucket], &request.ledger).await
    }

    /// Charges a signed-in user.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub(crate) async fn charge_user(&self, request: &RequestScope, user: Uuid) -> Result<()> {
        let bucket = self.bucket(self.policies.of(request.procedure), Subject::User(user));
        self.charge([bucket], &request.ledger).await
    }

    /// Charges an attempt to sign in and the like: the address, and the account that it is about, known or not. A
    /// browser in which the account was signed in before has its own, so that nobody else can lock its owner out.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub(crate) async fn charge_attempt(
        &self,
        request: &RequestScope,
        account: Option<&str>,
        device: Option<DeviceId>,
    ) -> Result<()> {
        let address = self.bucket(self.policies.of(request.procedure), Subject::Address(request.client));
        let account = match (account, device) {
            (Some(account), None) => self.bucket(self.policies.account, Subject::Account(account)),
            (Some(_), Some(device)) => self.bucket(self.policies.device, Subject::Device(device)),
            (None, _) => return self.charge([address], &request.ledger).await,
        };
        self.charge([address, account], &request.ledger).await
    }

    /// Gives an account back what an attempt took that has signed it in; the address keeps its charge.
    pub(crate) async fn settle(&self, ledger: &Ledger) {
        let Some((bucket, slot_ms)) = ledger.account.get().filter(|_| ledger.is_signed_in()) else { return };
        self.denied.forget(&bucket.hash);
        self.memory.refund(&bucket.hash, *slot_ms);
        if let Some(store) = &self.store {
            // Redis may be away: then the account keeps the charge for as long as its window is.
            let _ = Box::pin(store.refund(bucket, *slot_ms)).await;
        }
    }

    /// Warns once when a proxy seems to send requests on and nobody has said so: then all clients count as one.
    pub(crate) fn notice_proxy(&self, peer: Option<IpAddr>, headers: &HeaderMap) {
        if self.has_policy
            || self.has_warned.load(Ordering::Relaxed)
            || !ClientIp::is_forwarded(peer, headers)
        {
            return;
        }
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a proxy sends requests on, and all its clients are limited as one: set CLIENT_IP to `xff:1`, if it adds \
                 to X-Forwarded-For, or to `header:<name>` of a header that it sets itself; to `peer`, if there is none"
            );
        }
    }

    fn bucket(&self, policy: &'static Policy, subject: Subject<'_>) -> Bucket {
        Bucket { policy, hash: self.hasher.hash(&policy.name, subject) }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.now().timestamp_millis()).unwrap_or_default()
    }

    /// Takes one request from every bucket, or from none.
    ///
    /// It is boxed, since every request makes room for what it awaits and is moved about with it, whether or not limits
    /// are on.
    fn charge<'a, const N: usize>(
        &'a self,
        buckets: [Bucket; N],
        ledger: &'a Ledger,
    ) -> BoxFuture<'a, Result<()>> {
        async move { self.take(&buckets, ledger).await }.boxed()
    }

    async fn take(&self, buckets: &[Bucket], ledger: &Ledger) -> Result<()> {
        let now_ms = self.now_ms();
        self.refuse_denied(buckets, now_ms)?;
        let (by, taken) = match &self.store {
            Some(store) => match store.take(buckets).await {
                Ok(taken) => (Decider::Redis, taken),
                Err(Away) => (Decider::Process, self.memory.take(buckets, alone, now_ms)),
            },
            None => (Decider::Process, self.memory.take(buckets, |bucket| bucket.policy.quota, now_ms)),
        };
        let Taken { is_admitted, standings } = taken;
        metrics::count_decision(by, is_admitted);
        if is_admitted {
            ledger.note(buckets, &standings);
            return Ok(());
        }
        let denied = buckets.iter().zip(&standings).filter(|(_, standing)| standing.retry_ms > 0);
        for (bucket, standing) in denied.clone() {
            self.denied.remember(bucket.hash, standing.retry_ms, now_ms);
        }
        match denied.max_by_key(|(_, standing)| standing.retry_ms) {
            Some((bucket, standing)) => Err(bucket.denied(standing.retry_ms)),
            None => Err(Error::internal("a limit denied a request and did not say which")),
        }
    }

    fn refuse_denied(&self, buckets: &[Bucket], now_ms: u64) -> Result<()> {
        let waiting = |bucket: &Bucket| Some((*bucket, self.denied.wait_ms(&bucket.hash, now_ms)?));
        match buckets.iter().filter_map(waiting).max_by_key(|(_, wait_ms)| *wait_ms) {
            Some((bucket, wait_ms)) => {
                metrics::count_decision(Decider::Cache, false);
                Err(bucket.denied(wait_ms))
            }
            None => Ok(()),
        }
    }
}

/// Warns of a Redis that throws away what others rely on when its memory is full.
fn notice_eviction(trial: &Trial) {
    if let Some(policy) = trial.when_full.as_deref().filter(|policy| !KEEPS.contains(policy)) {
        tracing::warn!(
            "when its memory is full, this Redis forgets requests that it has counted (maxmemory-policy {policy}): set it \
             to noeviction or volatile-ttl"
        );
    }
}

/// What a Redis may do when its memory is full and still count right, or nearly so.
pub(super) const KEEPS: [&str; 2] = ["noeviction", "volatile-ttl"];

/// The quota that a process counts by while it counts alone. Other processes admit as many, so who guesses passwords
/// gets half.
fn alone(bucket: &Bucket) -> Quota {
    if bucket.policy.is_joint { bucket.policy.quota.halved() } else { bucket.policy.quota }
}

impl Bucket {
    fn denied(self, retry_ms: u64) -> Error {
        Error::denied(Denial { policy: &self.policy.name, quota: self.policy.quota, retry_ms })
    }
}

impl Ledger {
    /// Callers are told how the first limit stands. That of an account is not theirs to know while it admits them.
    fn note(&self, buckets: &[Bucket], standings: &[Standing]) {
        let mut charged = buckets.iter().zip(standings);
        if let Some((bucket, standing)) = charged.next() {
            let _ = self.shown.set((bucket.policy, *standing));
        }
        if let Some((bucket, standing)) = charged.next() {
            let _ = self.account.set((*bucket, standing.slot_ms));
        }
    }

    /// The request has opened a session.
    pub(crate) fn sign_in(&self) {
        self.is_signed_in.store(true, Ordering::Relaxed);
    }

    fn is_signed_in(&self) -> bool {
        self.is_signed_in.load(Ordering::Relaxed)
    }

    /// Tells the caller how the limit stands that the request was charged to.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if let Some((policy, standing)) = self.shown.get() {
            let more_seconds = standing.more_ms.div_ceil(1000);
            answer::write(headers, &policy.name, policy.quota, standing.remaining, more_seconds);
        }
    }
}
