//! argon2id, worked on by a bounded number of threads.

use std::sync::{Arc, OnceLock};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::{self, SaltString},
};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use crate::error::{Error, Result};

/// How many passwords may be worked on or wait for a free thread before callers are turned away: a longer line would
/// only make everybody wait in vain.
const WAITING: usize = 64;

/// Hashes and verifies passwords on as many threads as there are processors, so that a flood of log-ins takes neither
/// the machine's memory nor the threads of other requests.
///
/// A password is taken in one spelling, Unicode's NFC, as RFC 8265 (OpaqueString) has it: an `é` is the same whether a
/// keyboard sends one character or two. Beyond that it counts as it was typed.
pub(crate) struct Passwords {
    working: Arc<Semaphore>,
    waiting: Semaphore,
}

/// What became of comparing a password with a hash.
pub(super) struct Verified {
    pub(super) fits: bool,
    /// The same password hashed anew, if it fits and the hash was made with other parameters than are used now.
    pub(super) rehashed: Option<String>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self::with(std::thread::available_parallelism().map_or(1, usize::from), WAITING)
    }

    fn with(threads: usize, waiting: usize) -> Self {
        Self { working: Arc::new(Semaphore::new(threads)), waiting: Semaphore::new(waiting) }
    }

    /// Returns the hash of a password, with a salt of its own, as PHC text.
    ///
    /// # Errors
    /// `unavailable` when too many are waiting.
    pub(super) async fn hash(&self, password: &str) -> Result<String> {
        let password = spelling(password);
        self.work(move || hash(&password)).await?.map_err(|error| Error::internal(error.to_string()))
    }

    /// Compares a password with a hash. Without a hash it never fits, and the work is the same.
    ///
    /// # Errors
    /// `unavailable` when too many are waiting.
    pub(super) async fn verify(&self, password: &str, hash: Option<String>) -> Result<Verified> {
        let password = spelling(password);
        self.work(move || verify(&password, hash.as_deref())).await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _waiting = self
            .waiting
            .try_acquire()
            .map_err(|_| Error::unavailable("too many passwords are being worked on at once"))?;
        let permit = self.working.clone().acquire_owned().await.map_err(Error::internal)?;
        // The permit goes along: a caller that went away does not free a thread that is still working.
        let working = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        working.await.map_err(Error::internal)
    }
}

fn verify(password: &str, hash_text: Option<&str>) -> Verified {
    let refused = Verified { fits: false, rehashed: None };
    let Ok(expected) = PasswordHash::new(hash_text.unwrap_or_else(|| decoy())) else { return refused };
    let fits = Argon2::default().verify_password(password.as_bytes(), &expected).is_ok();
    if !fits || hash_text.is_none() {
        return refused;
    }
    let rehashed = if is_current(&expected) { None } else { hash(password).ok() };
    Verified { fits, rehashed }
}

/// Whether a hash was made as hashes are made now.
fn is_current(hash: &PasswordHash<'_>) -> bool {
    let costs = |params: &Params| [params.m_cost(), params.t_cost(), params.p_cost()];
    Algorithm::try_from(hash.algorithm) == Ok(Algorithm::default())
        && hash.version == Some(Version::default().into())
        && Params::try_from(hash).is_ok_and(|params| costs(&params) == costs(&Params::DEFAULT))
}

/// The one spelling of a password.
pub(super) fn spelling(password: &str) -> String {
    password.nfc().collect()
}

fn hash(password: &str) -> password_hash::Result<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| password_hash::Error::Crypto)?;
    let salt = SaltString::encode_b64(&salt)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt)?.to_string())
}

/// The hash that stands in for that of an account which is not there.
fn decoy() -> &'static str {
    static DECOY: OnceLock<String> = OnceLock::new();
    DECOY.get_or_init(|| hash("decoy").expect("the system has randomness by the time requests are served"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::{FutureExt as _, future::join_all};

    use super::*;
    use crate::error::Code;

    #[tokio::test]
    async fn beyond_a_number_of_waiting_passwords_callers_are_turned_away() {
        let passwords = Passwords::with(1, 3);
        let (release, hold) = mpsc::channel::<()>();
        let mut working = passwords.work(move || hold.recv().is_ok()).boxed();
        assert!(working.as_mut().now_or_never().is_none());
        let mut second = passwords.work(|| true).boxed();
        let mut third = passwords.work(|| true).boxed();
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        let refused = passwords.work(|| true).await.unwrap_err();
        assert_eq!(refused.code(), Code::UNAVAILABLE);

        drop(second);
        let mut fourth = passwords.work(|| true).boxed();
        assert!(fourth.as_mut().now_or_never().is_none(), "who went away leaves their place to another");
        release.send(()).unwrap();
        assert!(join_all([working, third, fourth]).await.into_iter().all(|done| done.is_ok()));
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_gives_its_thread_back_when_that_is_done() {
        let passwords = Passwords::with(1, 2);
        let (release, hold) = mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        let mut working = Box::pin(passwords.work(move || {
            let _ = started.send(());
            hold.recv().is_ok()
        }));
        assert!(working.as_mut().now_or_never().is_none());
        running.await.unwrap();
        drop(working);
        assert_eq!(passwords.waiting.available_permits(), 2);
        assert_eq!(passwords.working.available_permits(), 0, "its thread is still working");
        release.send(()).unwrap();
        assert!(passwords.work(|| true).await.unwrap(), "and is free then");
        assert_eq!(passwords.waiting.available_permits(), 2);
    }

    #[test]
    fn a_hash_of_other_parameters_is_made_anew() {
        let current = hash("an old oak by the river").unwrap();
        let verified = verify("an old oak by the river", Some(&current));
        assert!(verified.fits && verified.rehashed.is_none());
        assert!(!verify("another oak", Some(&current)).fits);
        assert!(!verify("decoy", None).fits, "there is no such account");

        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let salt = SaltString::from_b64("c29tZXNhbHQ").unwrap();
        let old = weak.hash_password(b"an old oak by the river", &salt).unwrap().to_string();
        let rehashed = verify("an old oak by the river", Some(&old)).rehashed.expect("made anew");
        assert!(
            rehashed.starts_with(current.split_inclusive('$').take(4).collect::<String>().as_str()),
            "{rehashed}"
        );
        assert!(verify("an old oak by the river", Some(&rehashed)).fits);
        let wrong = verify("another oak", Some(&old));
        assert!(!wrong.fits && wrong.rehashed.is_none());
    }

    #[test]
    fn one_password_has_one_spelling() {
        let composed = hash(&spelling("caf\u{e9} au lait")).unwrap();
        assert!(verify(&spelling("cafe\u{301} au lait"), Some(&composed)).fits);
        assert!(!verify(&spelling("Caf\u{e9} au lait"), Some(&composed)).fits, "case counts");
        assert!(!verify(&spelling(" caf\u{e9} au lait"), Some(&composed)).fits, "spaces count");
        assert_ne!(spelling("\u{fb01}ve"), "five", "characters that only look alike stay apart");
    }
}
