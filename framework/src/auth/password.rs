//! Passwords of accounts: added, found, changed, each by the identity or a proof.

use chrono::{DateTime, Utc};
use diesel::{
    define_sql_function, select,
    sql_types::{Binary, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl as _;
use uuid::Uuid;

use super::{
    one_time, policy,
    session::{self, Session},
    standing::Proven,
};
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
define_sql_function! {
    #[sql_name = "catena.password_rehash"]
    fn password_rehash(user_id: SqlUuid, old_hash: Text, new_hash: Text) -> Nullable<SqlUuid>;
}
define_sql_function! {
    #[sql_name = "catena.password_change"]
    fn password_change(session_hash: Binary, old_hash: Text, new_hash: Text) -> Nullable<SqlUuid>;
}
define_sql_function! {
    #[sql_name = "catena.password_reset"]
    fn password_reset(token_hash: Binary, new_hash: Text) -> Nullable<SqlUuid>;
}
define_sql_function! {
    #[sql_name = "catena.session_account"]
    fn session_account(token_hash: Binary) -> Nullable<Record<(Text, Text)>>;
}

/// An account and the hash of its password.
struct Account {
    user_id: Uuid,
    hash: String,
    changed_at: DateTime<Utc>,
}

/// Stores the password of a new account. The work is done before anybody looks whether the identity is taken.
///
/// # Errors
/// `invalid_input` for a password that may not be chosen; `conflict` when the identity is taken; `unavailable` when too
/// many are waiting.
pub(super) async fn add(request: &RequestScope, user_id: Uuid, identity: &str, password: &str) -> Result<()> {
    let identity = normal(identity);
    policy::check(request, password, &identity)?;
    let hash = request.services.passwords.hash(password).await?;
    // In a savepoint: a taken identity is an answer, not the end of the request's transaction.
    let created = request
        .scope
        .db()
        .await?
        .transaction(async |mut db| {
            let query = select(password_create(user_id, &identity, hash));
            query.execute(&mut db).await.map_err(Error::from)
        })
        .await;
    match created {
        Ok(_) => {
            request.standing.prove(Proven { user_id, identity, changed_at: None });
            Ok(())
        }
        Err(error) if error.code() == Code::CONFLICT => {
            Err(Error::conflict("there is an account with this identity").because(error))
        }
        Err(error) => Err(error),
    }
}

/// Returns whose identity and password these are, with the same work whether or not there is such an account.
///
/// # Errors
/// `invalid_credentials`; `unavailable` when too many are waiting.
pub(super) async fn check(request: &RequestScope, identity: &str, password: &str) -> Result<Uuid> {
    let identity = normal(identity);
    let account = find(request, &identity).await?;
    let hash = account.as_ref().map(|account| account.hash.clone());
    let verified = request.services.passwords.verify(password, hash).await?;
    let Some(account) = account.filter(|_| verified.fits) else {
        return Err(Error::new(Code::INVALID_CREDENTIALS, "no account has this identity and password"));
    };
    if let Some(new) = verified.rehashed
        && !request.procedure.is_query()
    {
        let query = select(password_rehash(account.user_id, account.hash, new));
        query.execute(&mut request.scope.db().await?).await?;
    }
    let (user_id, changed_at) = (account.user_id, Some(account.changed_at));
    request.standing.prove(Proven { user_id, identity, changed_at });
    Ok(user_id)
}

/// Changes the password of the caller, ends all of their sessions, and opens a new one.
///
/// # Errors
/// `unauthenticated` without a session; `invalid_credentials` when the current password is another; `invalid_input` for
/// a new one that may not be chosen; `conflict` when it was changed meanwhile; `unavailable` when too many are waiting.
pub(super) async fn change(request: &RequestScope, current: &str, new: &str) -> Result<Session> {
    let session = session::current(request).await?;
    let query = select(session_account(session.hash.as_slice()));
    let account: Option<(String, String)> = query.get_result(&mut request.scope.aside().await?).await?;
    let wrong = || Error::new(Code::INVALID_CREDENTIALS, "the current password is another one");
    let (identity, old_hash) = account.ok_or_else(wrong)?;
    let passwords = &request.services.passwords;
    if !passwords.verify(current, Some(old_hash.clone())).await?.fits {
        return Err(wrong());
    }
    policy::check(request, new, &identity)?;
    let new_hash = passwords.hash(new).await?;
    let query = select(password_change(session.hash.as_slice(), old_hash, new_hash));
    let changed: Option<Uuid> = query.get_result(&mut request.scope.db().await?).await?;
    let user_id = changed.ok_or_else(|| Error::conflict("the password was changed a moment ago"))?;
    request.standing.prove(Proven { user_id, identity, changed_at: None });
    session::open(request, user_id).await
}

/// Uses up a token for a reset and sets the password of its user, whose sessions all end.
///
/// # Errors
/// `invalid_credentials` for a token that is not valid; `invalid_input` for a password that may not be chosen, which
/// leaves the token valid; `unavailable` when too many are waiting.
pub(super) async fn reset(request: &RequestScope, token: &str, password: &str) -> Result<Uuid> {
    // Who has no token gets no work done.
    let (token_hash, identity) = one_time::peek(request, token).await?;
    policy::check(request, password, &identity)?;
    let hash = request.services.passwords.hash(password).await?;
    let query = select(password_reset(token_hash.as_slice(), hash));
    let user_id: Option<Uuid> = query.get_result(&mut request.scope.db().await?).await?;
    user_id.ok_or_else(one_time::invalid)
}

/// Finds the account of an identity, in its one spelling.
async fn find(request: &RequestScope, identity: &str) -> Result<Option<Account>> {
    let found: Option<(Uuid, String, DateTime<Utc>)> =
        select(password_find(identity)).get_result(&mut request.brief().aside().await?).await?;
    Ok(found.map(|(user_id, hash, changed_at)| Account { user_id, hash, changed_at }))
}

/// One spelling for an identity, however it was typed.
pub(crate) fn normal(identity: &str) -> String {
    identity.trim().to_lowercase()
}

impl RequestScope {
    /// A scope to look something up in before work that takes long, and for which many may wait: a request that has
    /// no connection yet has none afterwards either, so that log-ins do not keep the pool from everybody else.
    pub(super) fn brief(&self) -> Scope {
        if self.scope.is_connected() {
            self.scope.clone()
        } else {
            Scope::new(self.services.database.web.clone(), Access::ReadOnly)
        }
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests {
    use std::sync::{Arc, Mutex};

    use poem::http::{HeaderMap, Method};
    use tokio::sync::OnceCell;

    use super::*;
    use crate::{
        db::Pool,
        limit::Ledger,
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
            ledger: Ledger::default(),
        };
        assert!(find(&request, "nobody").await.unwrap().is_none());
        drop(services.database.web.get().await.expect("the only connection is free"));

        let _db = request.scope.db().await.unwrap();
        assert!(find(&request, "nobody").await.unwrap().is_none(), "nor does it wait for a second one");
    }
}
