//! What a procedure sees of its surroundings: the caller, the database, the request.

use std::{
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use poem::http::{HeaderMap, HeaderValue, Method, header};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{
    auth,
    db::{Db, Detached, Scope},
    error::{Error, Result},
    limit::Ledger,
    metrics,
    procedure::Procedure,
    services::Services,
};

/// The context of a procedure. `Ctx` is for `public` and `auth` procedures, `Ctx<User>` for `protected` ones.
///
/// ```
/// use catena::{Ctx, Error, Result, User, model, procedure, types::Uuid};
///
/// /// Who is calling.
/// #[model]
/// pub struct Me {
///     pub id: Uuid,
/// }
///
/// #[procedure(query, tier = "protected")]
/// pub async fn me(ctx: &Ctx<User>) -> Result<Me> {
///     Ok(Me { id: ctx.user.id })
/// }
///
/// #[procedure(query, tier = "public")]
/// pub async fn maybe_me(ctx: &Ctx) -> Result<Me> {
///     let user = ctx.user().await?.ok_or_else(|| Error::not_found("nobody is signed in"))?;
///     Ok(Me { id: user.id })
/// }
/// ```
pub struct Ctx<U = Anyone> {
    /// Who is signed in; for a `Ctx` without a user, see [`Ctx::user`].
    pub user: U,
    pub(crate) request: Arc<RequestScope>,
}

/// The caller of a procedure that anyone may call.
#[derive(Debug)]
pub struct Anyone(());

/// A signed-in user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The user's id, as row-level security sees it in `catena.user_id()`.
    pub id: Uuid,
}

/// One request, shared by everything that works on it.
pub(crate) struct RequestScope {
    pub(crate) services: Arc<Services>,
    pub(crate) procedure: &'static Procedure,
    pub(crate) scope: Scope,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) client: Option<IpAddr>,
    pub(crate) id: Uuid,
    /// The session that the request came with, once it was looked up.
    pub(crate) caller: OnceCell<Option<auth::Current>>,
    pub(crate) standing: auth::Standing,
    pub(crate) cookies: Mutex<Vec<HeaderValue>>,
    /// What the request was charged.
    pub(crate) ledger: Ledger,
}

/// A kind of user, and the way to find out who is calling. [`User`] is the one that is there: the framework's own
/// sessions. A procedure takes another as `&Ctx<Member>`.
///
/// More about a signed-in user, read in the request's own transaction:
///
/// ```
/// use catena::{Authenticate, Ctx, Error, Result, procedure, types::Uuid};
/// use diesel::QueryDsl as _;
/// use diesel_async::RunQueryDsl as _;
///
/// diesel::table! {
///     members (id) {
///         id -> Uuid,
///         role -> Text,
///     }
/// }
///
/// /// A signed-in member, and what they may do.
/// pub struct Member {
///     pub id: Uuid,
///     pub role: String,
/// }
///
/// impl Authenticate for Member {
///     async fn authenticate(ctx: &Ctx) -> Result<Option<Self>> {
///         let Some(user) = ctx.user().await? else { return Ok(None) };
///         // Row-level security shows the user's own row, and no other.
///         let role = members::table.select(members::role).first(&mut ctx.db().await?).await?;
///         Ok(Some(Self { id: user.id, role }))
///     }
///
///     fn id(&self) -> Uuid {
///         self.id
///     }
/// }
///
/// #[procedure(tier = "protected")]
/// pub async fn close_the_club(ctx: &Ctx<Member>) -> Result<()> {
///     if ctx.user.role != "steward" {
///         return Err(Error::forbidden("only stewards close the club"));
///     }
///     Ok(())
/// }
/// ```
///
/// Another way to sign in, such as a key in a header, a JWT, or what a proxy says, looks at [`Ctx::headers`] and asks a
/// function that acts for its owner, as there is no user yet whose rows could be seen. [`Ctx::act_for`] is for those that
/// go on to read more. Requests of other sites' pages are refused before anybody is asked, unless they bring a Bearer
/// token.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of user",
    label = "not a kind of user",
    note = "write `&Ctx<User>` for the signed-in user"
)]
pub trait Authenticate: Sized + Send + Sync + 'static {
    /// Returns the caller of the request, or `None` if nobody is signed in.
    ///
    /// # Errors
    /// `unavailable` when that cannot be found out.
    fn authenticate(ctx: &Ctx<Anyone>) -> impl Future<Output = Result<Option<Self>>> + Send;

    /// The user's id, as row-level security sees it in `catena.user_id()` once the user is known.
    fn id(&self) -> Uuid;
}

impl Authenticate for User {
    async fn authenticate(ctx: &Ctx<Anyone>) -> Result<Option<Self>> {
        ctx.user().await
    }

    fn id(&self) -> Uuid {
        self.id
    }
}

impl<U> Ctx<U> {
    /// Returns a handle on the request's transaction, under row-level security. The transaction begins with the first
    /// statement, commits before the answer is sent if the procedure returns `Ok`, and is rolled back otherwise.
    ///
    /// Row-level security guards against a handler that asks for too much, and not against SQL that somebody smuggles in:
    /// whom the transaction acts for is a setting, which such SQL could change. Bind values, as Diesel's queries do;
    /// never put them into the text of a `sql_query`.
    ///
    /// # Errors
    /// `unavailable` when no connection becomes free in time.
    pub async fn db(&self) -> Result<Db> {
        self.request.scope.db().await
    }

    /// Runs `work` in a savepoint: see [`Db::transaction`].
    ///
    /// # Errors
    /// The error of `work`, and those of [`Db::transaction`].
    pub async fn transaction<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(Db) -> Result<T, E>,
    ) -> Result<T, E> {
        self.db().await?.transaction(work).await
    }

    /// Transactions apart from the request's, for what outlives it: a stream, a task. They act for the user whom the
    /// request's transaction acts for at this moment: the one who is signed in, once the procedure knows
    /// ([`Ctx::user`]), or nobody. Those of a query only read.
    ///
    /// ```
    /// use catena::{Ctx, Result, User, procedure};
    /// use diesel_async::SimpleAsyncConnection as _;
    ///
    /// #[procedure(tier = "protected")]
    /// pub async fn recount(ctx: &Ctx<User>) -> Result<()> {
    ///     let detached = ctx.detach();
    ///     tokio::spawn(async move {
    ///         let counted: Result<()> = detached
    ///             .transaction(async |mut db| Ok(db.batch_execute("SELECT recount()").await?))
    ///             .await;
    ///         counted
    ///     });
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn detach(&self) -> Detached {
        self.request.scope.detach()
    }

    /// Runs `work` past row-level security, as jobs do: it sees and may change the rows of everybody. It is for the few
    /// things that a procedure cannot answer otherwise, and takes the place of a check: what `work` reads, the caller
    /// must be allowed to know.
    ///
    /// It is a transaction of its own, apart from that of [`Ctx::db`], and a query's only reads. It commits when `work`
    /// returns `Ok`, whatever becomes of the request afterwards, and is rolled back when `work` returns `Err`, panics, or
    /// is dropped with the request. `reason` stands in the log, at level info, with the request's id, the procedure and
    /// the user; it is counted by procedure in `/metrics`.
    ///
    /// ```
    /// use catena::{Ctx, Result, model, procedure};
    /// use diesel::QueryDsl as _;
    /// use diesel_async::RunQueryDsl as _;
    ///
    /// diesel::table! {
    ///     tasks (id) {
    ///         id -> Uuid,
    ///     }
    /// }
    ///
    /// /// How much there is to do.
    /// #[model]
    /// pub struct Summary {
    ///     pub tasks: i64,
    /// }
    ///
    /// #[procedure(query, tier = "public")]
    /// pub async fn summary(ctx: &Ctx) -> Result<Summary> {
    ///     let tasks = ctx
    ///         .elevated("the number of all tasks is public", async |mut db| -> Result<i64> {
    ///             Ok(tasks::table.count().get_result(&mut db).await?)
    ///         })
    ///         .await?;
    ///     Ok(Summary { tasks })
    /// }
    /// ```
    ///
    /// # Errors
    /// The error of `work`; `unavailable` when none of the connections of jobs becomes free in time; `internal` when
    /// `work` returned `Ok` although one of its statements failed.
    pub async fn elevated<T, E: From<Error>>(
        &self,
        reason: &'static str,
        work: impl AsyncFnOnce(Db) -> Result<T, E>,
    ) -> Result<T, E> {
        let RequestScope { services, procedure, scope, id, .. } = &*self.request;
        let (procedure, user) = (procedure.id(), scope.identity());
        metrics::count_elevated(&procedure);
        tracing::info!(
            reason,
            %procedure,
            user = user.map(tracing::field::display),
            request_id = %id,
            "elevated access"
        );
        scope.detach_to(services.database.jobs.for_requests()).transaction(work).await
    }

    /// The request's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// The address of the client, read where the setting `CLIENT_IP` says, if it has one (a Unix socket has none).
    #[must_use]
    pub fn client(&self) -> Option<IpAddr> {
        self.request.client
    }

    /// The id of the request, as in the `x-request-id` header, in problem documents and in the log.
    #[must_use]
    pub fn request_id(&self) -> Uuid {
        self.request.id
    }

    /// The time. In tests it moves on when the test says so.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.request.services.clock.now()
    }

    /// Returns the application's value of type `T`.
    ///
    /// # Errors
    /// `internal` when the application was built without one.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<&T> {
        self.request.services.states.get()
    }
}

impl Ctx<Anyone> {
    pub(crate) fn new(request: Arc<RequestScope>) -> Self {
        Self { user: Anyone(()), request }
    }

    /// Returns the caller, if signed in.
    ///
    /// # Errors
    /// `cross_site` when a page of another site made a request that may change something; `unavailable` when the
    /// session cannot be looked up.
    pub async fn user(&self) -> Result<Option<User>> {
        Ok(auth::caller(&self.request).await?.map(|id| User { id }))
    }

    /// Has the rest of the transaction act for a user, under row-level security. It is for an [`Authenticate`] that
    /// knows who is calling and has more to read; afterwards the framework does the same with
    /// [`id`](Authenticate::id). [`Ctx::sign_in`] does it by itself.
    pub fn act_for(&self, user_id: Uuid) {
        self.request.act_for(user_id);
    }
}

impl RequestScope {
    /// Returns the value of a cookie that the caller sent.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// Has the answer set a cookie for the whole site, unseen by scripts and, in production, by HTTPS only. It lives
    /// for `max_age`, in whole seconds; with [`Duration::ZERO`] it is removed.
    ///
    /// # Errors
    /// `internal` for a name or value that no header can have.
    pub(crate) fn set_cookie(&self, name: &str, value: &str, max_age: Duration) -> Result<()> {
        let secure = if self.services.settings.is_production() { "; Secure" } else { "" };
        let seconds = max_age.as_secs();
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut cookie = HeaderValue::try_from(text).map_err(Error::internal)?;
        cookie.set_sensitive(true);
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).push(cookie);
        Ok(())
    }

    /// Takes the cookies that the answer sets.
    pub(crate) fn take_cookies(&self) -> Vec<HeaderValue> {
        std::mem::take(&mut *self.cookies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
