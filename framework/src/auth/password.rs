//! Passwords: argon2id, worked on by a bounded number of threads.

use std::sync::{Arc, OnceLock};

use argon2::{
    Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _,
    password_hash::{self, SaltString},
};
use chrono::{DateTime, Utc};
use diesel::{
    define_sql_function, select,
    sql_types::{Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl as _;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::standing::Proven;
use crate::{
    ctx::RequestScope,
    db::{Access, Scope},
    error::{Code, Error, Result},
};

define_sql_function! {
    #[sql_name = "catena.password_create"]
    fn password_create(user_id: SqlUuid, identity: Text, hash: Text) -> SqlUuid;
}
define_sql_function! {
    #[sql_name = "catena.password_find"]
    fn password_find(identity: Text) -> Nullable<Record<(SqlUuid, Text, Timestamptz)>>;
}

/// How many passwords may wait for a free thread before callers are turned away: a longer line would only make
/// everybody wait in vain.
const WAITING: usize = 64;

/// Hashes and verifies passwords on as many threads as there are processors, so that a flood of log-ins takes neither
/// the machine's memory nor the threads of other requests.
pub(crate) struct Passwords {
    working: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { working: Arc::new(Semaphore::new(threads)), waiting: Semaphore::new(WAITING) }
    }

    /// Returns the hash of a password, with a salt of its own, as PHC text.
    ///
    /// # Errors
    /// `unavailable` when too many are waiting.
    pub(crate) async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.work(move || hash(&password)).await?.map_err(|error| Error::internal(error.to_string()))
    }

    /// Whether a password fits a hash. Without a hash it never does, and the work is the same.
    ///
    /// # Errors
    /// `unavailable` when too many are waiting.
    pub(crate) async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool> {
        let password = password.to_owned();
        self.work(move || {
            let expected = hash.as_deref().unwrap_or_else(|| decoy());
            let fits = PasswordHash::new(expected).is_ok_and(|expected| {
                Argon2::default().verify_password(password.as_bytes(), &expected).is_ok()
            });
            fits && hash.is_some()
        })
        .await
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

/// Stores the password of a new account.
///
/// # Errors
/// `conflict` when the identity is taken.
pub(super) async fn create(
    request: &RequestScope,
    user_id: Uuid,
    identity: &str,
    hash: String,
) -> Result<()> {
    let identity = normal(identity);
    let proven = Proven { user_id, identity: identity.clone(), changed_at: None };
    // In a savepoint: a taken identity is an answer, not the end of the request's transaction.
    let created = request
        .scope
        .db()
        .await?
        .transaction(async |mut db| {
            select(password_create(user_id, identity, hash)).execute(&mut db).await.map_err(Error::from)
        })
        .await;
    match created {
        Ok(_) => {
            request.standing.prove(proven);
            Ok(())
        }
        Err(error) if error.code() == Code::CONFLICT => {
            Err(Error::conflict("there is an account with this identity").because(error))
        }
        Err(error) => Err(error),
    }
}

/// An account and the hash of its password.
pub(super) struct Account {
    pub(super) user_id: Uuid,
    identity: String,
    pub(super) hash: String,
    changed_at: DateTime<Utc>,
}

impl From<Account> for Proven {
    fn from(account: Account) -> Self {
        let Account { user_id, identity, changed_at, .. } = account;
        Self { user_id, identity, changed_at: Some(changed_at) }
    }
}

/// Finds the account of an identity.
///
/// What follows takes long, and many may wait for their turn: a request that has no connection yet has none
/// afterwards either, so that log-ins do not keep the pool from everybody else.
pub(super) async fn find(request: &RequestScope, identity: &str) -> Result<Option<Account>> {
    let identity = normal(identity);
    let brief = Scope::new(request.services.database.web.clone(), Access::ReadOnly);
    let scope = if request.scope.is_connected() { &request.scope } else { &brief };
    let found: Option<(Uuid, String, DateTime<Utc>)> =
        select(password_find(&identity)).get_result(&mut scope.aside().await?).await?;
    Ok(found.map(|(user_id, hash, changed_at)| Account { user_id, identity, hash, changed_at }))
}

/// One spelling for an identity, however it was typed.
pub(super) fn normal(identity: &str) -> String {
    identity.trim().to_lowercase()
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
#[cfg(feature = "testing")]
mod tests {
    use std::sync::Mutex;

    use poem::http::{HeaderMap, Method};
    use tokio::sync::OnceCell;

    use super::*;
    use crate::{
        db::Pool,
        procedure::{Settings, tests::procedure},
        services::{Services, States},
        testing::{NoMigrations, TestDb},
    };

    #[tokio::test]
    async fn a_request_that_looks_up_a_password_keeps_no_connection() {
        let db = TestDb::new(&NoMigrations).await;
        let mut database = db.database();
        database.web = Pool::of_test(db.web_url(), 1);
        let services = Arc::new(Services::of_test(database, States::default()));
        let request = RequestScope {
            scope: Scope::new(services.database.web.clone(), Access::ReadWrite),
            services: services.clone(),
            procedure: procedure("login", 1, Method::POST, Settings::DEFAULT),
            method: Method::POST,
            headers: HeaderMap::new(),
            client: None,
            id: Uuid::nil(),
            caller: OnceCell::new(),
            cookies: Mutex::default(),
            standing: Default::default(),
        };
        assert!(find(&request, "nobody").await.unwrap().is_none());
        drop(services.database.web.get().await.expect("the only connection is free"));

        let _db = request.scope.db().await.unwrap();
        assert!(find(&request, "nobody").await.unwrap().is_none(), "nor does it wait for a second one");
    }
}
