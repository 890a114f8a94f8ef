use std::{future::Future, sync::OnceLock};

use diesel::{
    ExpressionMethods as _, Insertable, OptionalExtension as _, QueryDsl as _, Queryable, Selectable,
    SelectableHelper as _,
    dsl::sql,
    sql_types::{BigInt, Bool, Integer, Nullable, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection as _, RunQueryDsl as _};
use futures_util::{TryStreamExt as _, poll};

use self::proxy::Proxy;
use super::*;
use crate::{
    Code,
    testing::{NoMigrations, TestDb},
};

mod proxy;

diesel::table! {
    notes (id) {
        id -> Integer,
        owner -> Nullable<Uuid>,
        body -> Text,
    }
}

#[derive(Debug, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = notes)]
struct Note {
    id: i32,
    owner: Option<Uuid>,
    body: String,
}

fn note(id: i32) -> Note {
    Note { id, owner: None, body: format!("note {id}") }
}

/// A database with a table, and one connection in the pool unless said otherwise.
struct Fixture {
    db: TestDb,
    pool: Pool,
}

impl Fixture {
    async fn new() -> Self {
        let db = TestDb::new(&NoMigrations).await;
        let mut owner = AsyncPgConnection::establish(db.owner_url()).await.unwrap();
        let table = "CREATE TABLE notes (id int PRIMARY KEY, owner uuid, body text NOT NULL)";
        owner.batch_execute(table).await.unwrap();
        let pool = Pool::of_test(db.web_url(), 1);
        Self { db, pool }
    }

    fn scope(&self) -> Scope {
        Scope::new(self.pool.clone(), Access::ReadWrite)
    }

    /// The ids of all notes, as another session sees them.
    async fn notes(&self) -> Vec<i32> {
        let mut other = AsyncPgConnection::establish(self.db.jobs_url()).await.unwrap();
        notes::table.select(notes::id).order(notes::id).load(&mut other).await.unwrap()
    }

    /// Waits until no session but the caller's is inside a transaction or a statement.
    async fn until_quiet(&self) {
        let mut other = AsyncPgConnection::establish(self.db.jobs_url()).await.unwrap();
        let quiet = sql::<Bool>(
            "NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle')",
        );
        let quiet = diesel::select(quiet);
        soon(async { while !quiet.clone().get_result::<bool>(&mut other).await.unwrap() {} }).await;
    }
}

/// Fails the test when something that should come does not.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it comes in time")
}

async fn insert(db: &mut Db, note: Note) -> QueryResult<usize> {
    diesel::insert_into(notes::table).values(note).execute(db).await
}

async fn backend(scope: &Scope) -> i32 {
    diesel::select(sql::<Integer>("pg_backend_pid()"))
        .get_result(&mut scope.db().await.unwrap())
        .await
        .unwrap()
}

async fn user(db: &mut Db) -> Option<Uuid> {
    diesel::select(sql::<Nullable<SqlUuid>>("catena.user_id()")).get_result(db).await.unwrap()
}

#[tokio::test]
async fn begin_identity_and_first_query_leave_without_waiting_for_an_answer() {
    let fixture = Fixture::new().await;
    let proxy = Proxy::new(fixture.db.web_url());
    let pool = Pool::of_test(&proxy.url(fixture.db.web_url()), 1);
    let count = async |mut db: Db| notes::table.count().get_result::<i64>(&mut db).await.unwrap();
    let warm = Scope::new(pool.clone(), Access::ReadWrite);
    count(warm.db().await.unwrap()).await;
    warm.commit().await.unwrap();
    drop(warm);

    let scope = Scope::new(pool, Access::ReadWrite);
    let id = Uuid::now_v7();
    scope.identify(id);
    let db = scope.db().await.unwrap();
    proxy.forget();
    proxy.answer(false);
    let query = async {
        count(db).await;
    };
    let watching = async {
        let sent = proxy.until_executed().await;
        proxy.answer(true);
        sent
    };
    let ((), sent) = soon(join(query, watching)).await;
    // One simple query (BEGIN and the identity); then bind, execute, sync.
    assert_eq!(sent, "QBES");
    assert_eq!(user(&mut scope.db().await.unwrap()).await, Some(id));
    scope.commit().await.unwrap();
}

#[tokio::test]
async fn a_scope_that_is_not_used_takes_no_connection() {
    let nowhere = Pool::of_test("postgres://nobody@%2Fnowhere/none", 1);
    let scope = Scope::new(nowhere, Access::ReadWrite);
    scope.identify(Uuid::now_v7());
    scope.commit().await.unwrap();
}

#[tokio::test]
async fn every_way_to_run_a_query_works_on_a_handle() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let db = &mut scope.db().await.unwrap();
    assert_eq!(insert(db, note(1)).await.unwrap(), 1);
    let returned: Note = diesel::insert_into(notes::table)
        .values(note(2))
        .returning(Note::as_returning())
        .get_result(db)
        .await
        .unwrap();
    assert_eq!(returned, note(2));
    let all = notes::table.order(notes::id).select(Note::as_select());
    assert_eq!(all.load(db).await.unwrap(), [note(1), note(2)]);
    assert_eq!(all.first(db).await.unwrap(), note(1));
    assert_eq!(all.get_results::<Note>(db).await.unwrap().len(), 2);
    assert_eq!(all.filter(notes::id.eq(9)).first(db).await.optional().unwrap(), None);
    let streamed: Vec<Note> = all.load_stream(db).await.unwrap().try_collect().await.unwrap();
    assert_eq!(streamed, [note(1), note(2)]);
    db.batch_execute("DELETE FROM notes WHERE id = 1; DELETE FROM notes WHERE id = 2").await.unwrap();
    assert_eq!(notes::table.count().get_result::<i64>(db).await.unwrap(), 0);
    scope.commit().await.unwrap();
}

#[tokio::test]
async fn a_read_only_scope_refuses_writes() {
    let fixture = Fixture::new().await;
    let scope = Scope::new(fixture.pool.clone(), Access::ReadOnly);
    let error = insert(&mut scope.db().await.unwrap(), note(1)).await.unwrap_err();
    assert!(
        matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_identity_is_gone_with_its_transaction_and_policies_see_it() {
    let fixture = Fixture::new().await;
    let mut owner = AsyncPgConnection::establish(fixture.db.owner_url()).await.unwrap();
    let policy = "ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON notes USING (owner = (SELECT catena.user_id()))";
    owner.batch_execute(policy).await.unwrap();
    let (ann, bob) = (Uuid::now_v7(), Uuid::now_v7());
    for (id, name) in [(1, ann), (2, bob)] {
        let scope = fixture.scope();
        scope.identify(name);
        let mut db = scope.db().await.unwrap();
        insert(&mut db, Note { owner: Some(name), ..note(id) }).await.unwrap();
        scope.commit().await.unwrap();
    }
    assert_eq!(fixture.notes().await, [1, 2], "jobs see all");
    for (name, expected) in [(Some(ann), vec![1]), (None, vec![]), (Some(bob), vec![2])] {
        let scope = fixture.scope();
        if let Some(name) = name {
            scope.identify(name);
        }
        let mut db = scope.db().await.unwrap();
        let seen: Vec<i32> = notes::table.select(notes::id).load(&mut db).await.unwrap();
        assert_eq!(seen, expected);
        assert_eq!(user(&mut db).await, name);
        scope.commit().await.unwrap();
    }
}

#[tokio::test]
async fn an_identity_may_come_after_the_transaction_has_begun() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    assert_eq!(user(&mut db).await, None);
    let id = Uuid::now_v7();
    scope.identify(id);
    assert_eq!(user(&mut db).await, Some(id));
    scope.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn first_statements_of_many_threads_all_run_inside_the_transaction() {
    let fixture = Fixture::new().await;
    for _ in 0..50 {
        let scope = fixture.scope();
        let id = Uuid::now_v7();
        scope.identify(id);
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let scope = scope.clone();
                tokio::spawn(async move { user(&mut scope.db().await.unwrap()).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Some(id));
        }
        scope.commit().await.unwrap();
    }
}

#[tokio::test]
async fn several_handles_at_once_share_one_transaction() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let (mut one, mut other) = (scope.db().await.unwrap(), scope.db().await.unwrap());
    let transaction = diesel::select(sql::<BigInt>("txid_current()"));
    let (first, second): (i64, i64) =
        tokio::try_join!(transaction.clone().get_result(&mut one), transaction.get_result(&mut other))
            .unwrap();
    assert_eq!(first, second);
    scope.commit().await.unwrap();
}

#[tokio::test]
async fn a_failure_that_is_ignored_keeps_the_transaction_from_committing() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    insert(&mut db, note(1)).await.unwrap();
    insert(&mut db, note(1)).await.unwrap_err();
    let error = scope.commit().await.unwrap_err();
    assert_eq!(error.code(), Code::INTERNAL);
    assert!(error.chain().contains("duplicate key"), "{}", error.chain());
    assert_eq!(fixture.notes().await, [0; 0]);

    drop((db, scope));
    let next = fixture.scope();
    insert(&mut next.db().await.unwrap(), note(2)).await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(fixture.notes().await, [2]);
}

#[tokio::test]
async fn a_failure_that_nobody_saw_keeps_the_transaction_from_committing() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    insert(&mut db, note(1)).await.unwrap();
    {
        // A batch is not prepared: the first poll sends it whole.
        let mut unheard = pin!(db.batch_execute("SELECT 1/0"));
        assert!(poll!(&mut unheard).is_pending());
    }
    scope.commit().await.unwrap_err();
    assert_eq!(fixture.notes().await, [0; 0]);
}

#[tokio::test]
async fn a_constraint_that_is_checked_at_the_end_is_a_conflict() {
    let fixture = Fixture::new().await;
    let mut owner = AsyncPgConnection::establish(fixture.db.owner_url()).await.unwrap();
    let unique = "ALTER TABLE notes ADD UNIQUE (body) DEFERRABLE INITIALLY DEFERRED";
    owner.batch_execute(unique).await.unwrap();
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    insert(&mut db, note(1)).await.unwrap();
    insert(&mut db, Note { id: 2, ..note(1) }).await.unwrap();
    assert_eq!(scope.commit().await.unwrap_err().code(), Code::CONFLICT);
    assert_eq!(fixture.notes().await, [0; 0]);
}

#[tokio::test]
async fn a_savepoint_undoes_a_failure_and_the_rest_goes_on() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    insert(&mut db, note(1)).await.unwrap();
    let failed: Result<()> = db
        .transaction(async |mut db| {
            insert(&mut db, note(2)).await?;
            insert(&mut db, note(1)).await?;
            Ok(())
        })
        .await;
    assert_eq!(failed.unwrap_err().code(), Code::CONFLICT);
    let kept: Result<()> = db
        .transaction(async |mut db| {
            insert(&mut db, note(3)).await?;
            let inner: Result<()> = db
                .transaction(async |mut db| {
                    insert(&mut db, note(4)).await?;
                    Err(Error::not_found("changed my mind"))
                })
                .await;
            assert_eq!(inner.unwrap_err().code(), Code::NOT_FOUND);
            Ok(())
        })
        .await;
    kept.unwrap();
    scope.commit().await.unwrap();
    assert_eq!(fixture.notes().await, [1, 3]);
}

#[tokio::test]
async fn a_savepoint_that_ignores_its_failure_is_undone_and_says_so() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    insert(&mut db, note(1)).await.unwrap();
    let result: Result<()> = db
        .transaction(async |mut db| {
            insert(&mut db, note(2)).await?;
            insert(&mut db, note(1)).await.unwrap_err();
            Ok(())
        })
        .await;
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::INTERNAL);
    assert!(error.chain().contains("duplicate key"), "{}", error.chain());
    scope.commit().await.unwrap();
    assert_eq!(fixture.notes().await, [1]);
}

#[tokio::test]
async fn a_savepoint_that_is_dropped_half_way_is_undone() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    insert(&mut db, note(1)).await.unwrap();
    let inserted = OnceLock::new();
    {
        let work = async |mut db: Db| -> Result<()> {
            insert(&mut db, note(2)).await?;
            inserted.set(()).unwrap();
            std::future::pending().await
        };
        let mut abandoned = pin!(db.transaction(work));
        soon(poll_fn(|context| {
            assert!(abandoned.as_mut().poll(context).is_pending());
            if inserted.get().is_some() { Poll::Ready(()) } else { Poll::Pending }
        }))
        .await;
    }
    insert(&mut db, note(3)).await.unwrap();
    scope.commit().await.unwrap();
    assert_eq!(fixture.notes().await, [1, 3]);
}

#[tokio::test]
async fn a_savepoint_does_not_heal_what_failed_before_it() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    db.batch_execute("SELECT 1/0").await.unwrap_err();
    let result: Result<()> =
        db.transaction(async |mut db| Ok(insert(&mut db, note(1)).await.map(|_| ())?)).await;
    result.unwrap_err();
    let error = scope.commit().await.unwrap_err();
    assert!(error.chain().contains("division by zero"), "{}", error.chain());
}

#[tokio::test]
async fn a_dropped_scope_is_rolled_back_and_its_connection_goes_back() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let before = backend(&scope).await;
    insert(&mut scope.db().await.unwrap(), note(1)).await.unwrap();
    drop(scope);
    let next = fixture.scope();
    assert_eq!(backend(&next).await, before);
    insert(&mut next.db().await.unwrap(), note(2)).await.unwrap();
    next.commit().await.unwrap();
    drop(next);
    fixture.until_quiet().await;
    assert_eq!(fixture.notes().await, [2]);
}

#[tokio::test]
async fn a_dropped_scope_cancels_the_statement_that_still_runs() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    insert(&mut db, note(1)).await.unwrap();
    {
        let mut long = pin!(db.batch_execute("SELECT pg_sleep(600)"));
        assert!(poll!(&mut long).is_pending());
    }
    drop((db, scope));
    let next = fixture.scope();
    soon(async { insert(&mut next.db().await.unwrap(), note(2)).await }).await.unwrap();
    next.commit().await.unwrap();
    drop(next);
    fixture.until_quiet().await;
    assert_eq!(fixture.notes().await, [2]);
}

#[tokio::test]
async fn a_handle_that_is_kept_does_not_keep_the_transaction() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut kept = scope.db().await.unwrap();
    insert(&mut kept, note(1)).await.unwrap();
    drop(scope);
    fixture.until_quiet().await;
    let error = insert(&mut kept, note(2)).await.unwrap_err();
    assert!(error.to_string().contains("this transaction has ended"), "{error}");
    assert_eq!(fixture.notes().await, [0; 0]);
}

#[tokio::test]
async fn a_handle_used_after_the_commit_is_refused() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    insert(&mut db, note(1)).await.unwrap();
    scope.commit().await.unwrap();
    let error = insert(&mut db, note(2)).await.unwrap_err();
    assert!(error.to_string().contains("this transaction has ended"), "{error}");
    assert_eq!(fixture.notes().await, [1]);
}

#[tokio::test]
async fn a_statement_that_the_commit_overtakes_never_runs_outside() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let (mut db, mut other) = (scope.db().await.unwrap(), scope.db().await.unwrap());
    db.batch_execute("SELECT 1").await.unwrap();
    // Not prepared yet: the first poll sends its text, and a later one would execute it.
    let mut late = pin!(insert(&mut other, note(1)));
    assert!(poll!(&mut late).is_pending());
    scope.commit().await.unwrap();
    let error = late.await.unwrap_err();
    assert!(error.to_string().contains("this transaction has ended"), "{error}");
    assert_eq!(fixture.notes().await, [0; 0]);
}

#[tokio::test]
async fn a_commit_is_not_cancelled_with_its_caller() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    insert(&mut scope.db().await.unwrap(), note(1)).await.unwrap();
    {
        let mut commit = pin!(scope.commit());
        assert!(poll!(&mut commit).is_pending());
    }
    drop(scope);
    soon(async { while fixture.notes().await.is_empty() {} }).await;
}

#[tokio::test]
async fn the_end_of_what_only_reads_is_not_waited_for() {
    let fixture = Fixture::new().await;
    let proxy = Proxy::new(fixture.db.web_url());
    let pool = Pool::of_test(&proxy.url(fixture.db.web_url()), 1);
    let read = async |scope: &Scope| {
        notes::table.count().get_result::<i64>(&mut scope.db().await.unwrap()).await.unwrap();
        backend(scope).await
    };
    let scope = Scope::new(pool.clone(), Access::ReadOnly);
    let first = read(&scope).await;
    proxy.answer(false);
    soon(scope.commit()).await.unwrap();
    drop(scope);
    proxy.answer(true);
    let next = Scope::new(pool.clone(), Access::ReadOnly);
    assert_eq!(read(&next).await, first, "the connection is as it was before");

    // A failure that a handler ignored is still told.
    assert!(insert(&mut next.db().await.unwrap(), note(1)).await.is_err());
    assert_eq!(next.commit().await.unwrap_err().code(), Code::INTERNAL);
}

#[tokio::test]
async fn hooks_run_after_a_commit_and_only_then() {
    let fixture = Fixture::new().await;
    let ran = |statement: Option<&'static str>| {
        let scope = fixture.scope();
        async move {
            let ran = Arc::new(OnceLock::new());
            let hook = ran.clone();
            scope.after_commit(move || hook.set(()).unwrap());
            if let Some(statement) = statement {
                let _ = scope.db().await.unwrap().batch_execute(statement).await;
            }
            let _ = scope.commit().await;
            ran.get().is_some()
        }
    };
    assert!(ran(None).await, "nothing was to be committed");
    assert!(ran(Some("SELECT 1")).await);
    assert!(!ran(Some("SELECT 1/0")).await);
}

#[tokio::test]
async fn a_statement_aside_takes_effect_by_itself_until_the_transaction_begins() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    insert(&mut scope.aside().await.unwrap(), note(1)).await.unwrap();
    assert!(!scope.begun());
    insert(&mut scope.db().await.unwrap(), note(2)).await.unwrap();
    assert!(scope.begun());
    insert(&mut scope.aside().await.unwrap(), note(3)).await.unwrap();
    drop(scope);
    fixture.until_quiet().await;
    assert_eq!(fixture.notes().await, [1]);
}

#[tokio::test]
async fn a_statement_aside_that_is_dropped_leaves_the_next_user_alone() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let mut aside = scope.aside().await.unwrap();
    {
        let mut long = pin!(aside.batch_execute("SELECT pg_sleep(600)"));
        assert!(poll!(&mut long).is_pending());
    }
    drop((aside, scope));
    let next = fixture.scope();
    soon(async { insert(&mut next.db().await.unwrap(), note(2)).await }).await.unwrap();
    next.commit().await.unwrap();
    drop(next);
    fixture.until_quiet().await;
}

/// What a request is told whose statement `work` fails.
async fn failure<T>(work: impl Future<Output = QueryResult<T>>) -> Code {
    Error::from(work.await.err().expect("it fails")).code()
}

#[tokio::test]
async fn a_server_that_ends_the_connection_is_unavailable() {
    let fixture = Fixture::new().await;
    let end = "pg_terminate_backend(pg_backend_pid()) AND pg_sleep(20) IS NOT NULL";
    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    assert_eq!(
        failure(db.batch_execute(&format!("SELECT {end}"))).await,
        Code::UNAVAILABLE,
        "with the answer"
    );
    assert_eq!(failure(insert(&mut db, note(1))).await, Code::UNAVAILABLE, "after it");
    drop((db, scope));

    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    let rows = diesel::select(sql::<Bool>(end));
    assert_eq!(failure(rows.get_result::<bool>(&mut db)).await, Code::UNAVAILABLE, "with its rows");
    drop((db, scope));

    let scope = fixture.scope();
    let mut db = scope.db().await.unwrap();
    assert_eq!(failure(db.batch_execute("SELECT 1 / 0")).await, Code::INTERNAL, "the connection lives");
}

#[tokio::test]
async fn a_deadlock_is_a_conflict() {
    let fixture = Fixture::new().await;
    let pool = Pool::of_test(fixture.db.web_url(), 2);
    let [one, other] = [(); 2].map(|()| Scope::new(pool.clone(), Access::ReadWrite));
    let lock = async |scope: &Scope, key: i32| -> Result<()> {
        let sql = format!("SELECT pg_advisory_xact_lock({key})");
        Ok(scope.db().await?.batch_execute(&sql).await?)
    };
    lock(&one, 1).await.unwrap();
    lock(&other, 2).await.unwrap();
    let crossed = async {
        let (first, second) = futures_util::join!(lock(&one, 2), lock(&other, 1));
        first.and(second).unwrap_err().code()
    };
    assert_eq!(soon(crossed).await, Code::CONFLICT);
}

#[tokio::test]
async fn a_connection_that_died_is_replaced() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let pid = backend(&scope).await;
    let mut other = AsyncPgConnection::establish(fixture.db.web_url()).await.unwrap();
    other.batch_execute(&format!("SELECT pg_terminate_backend({pid})")).await.unwrap();
    assert_eq!(scope.commit().await.unwrap_err().code(), Code::UNAVAILABLE);
    drop(scope);
    let next = fixture.scope();
    assert_ne!(backend(&next).await, pid);
}

#[tokio::test]
async fn a_commit_that_is_never_answered_gives_its_connection_up() {
    let fixture = Fixture::new().await;
    let proxy = Proxy::new(fixture.db.web_url());
    let pool = Pool::of_test(&proxy.url(fixture.db.web_url()), 1);
    let scope = Scope::new(pool.clone(), Access::ReadWrite);
    insert(&mut scope.db().await.unwrap(), note(1)).await.unwrap();
    proxy.answer(false);
    // Time passes as soon as nothing but time is waited for.
    tokio::time::pause();
    let error = scope.commit().await.unwrap_err();
    tokio::time::resume();
    assert_eq!(error.code(), Code::UNAVAILABLE, "{}", error.chain());
    drop(scope);

    proxy.answer(true);
    let next = Scope::new(pool, Access::ReadWrite);
    soon(async { insert(&mut next.db().await.unwrap(), note(2)).await }).await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(fixture.notes().await, [1, 2], "what was sent took effect");
}

#[tokio::test]
async fn a_pool_without_a_free_connection_says_so_and_recovers() {
    let fixture = Fixture::new().await;
    let busy = fixture.scope();
    backend(&busy).await;
    tokio::time::pause();
    let error = fixture.scope().db().await.map(|_| ()).unwrap_err();
    tokio::time::resume();
    assert_eq!(error.code(), Code::UNAVAILABLE);
    assert!(error.chain().starts_with("no database connection became free in time"), "{}", error.chain());
    busy.commit().await.unwrap();
    drop(busy);
    backend(&fixture.scope()).await;
}

#[tokio::test]
async fn a_connection_that_died_in_the_pool_is_never_used() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let pid = backend(&scope).await;
    scope.commit().await.unwrap();
    drop(scope);
    let mut other = AsyncPgConnection::establish(fixture.db.web_url()).await.unwrap();
    other.batch_execute(&format!("SELECT pg_terminate_backend({pid})")).await.unwrap();
    let gone = sql::<Bool>(&format!("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})"));
    let gone = diesel::select(gone);
    soon(async { while !gone.clone().get_result::<bool>(&mut other).await.unwrap() {} }).await;
    // The news has come; whoever reads it has its turn.
    tokio::task::yield_now().await;
    let next = fixture.scope();
    insert(&mut next.db().await.unwrap(), note(1)).await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(fixture.notes().await, [1]);
}

#[tokio::test]
async fn what_is_detached_commits_by_itself_as_the_same_user() {
    let fixture = Fixture::new().await;
    let scope = fixture.scope();
    let id = Uuid::now_v7();
    let nobody = scope.detach();
    scope.identify(id);
    let detached = scope.detach();
    drop(scope);
    let seen = async |mut db: Db| -> Result<Option<Uuid>> { Ok(user(&mut db).await) };
    assert_eq!(detached.transaction(seen).await.unwrap(), Some(id));
    assert_eq!(nobody.transaction(seen).await.unwrap(), None);

    let kept = async |mut db: Db| -> Result<()> { Ok(insert(&mut db, note(1)).await.map(|_| ())?) };
    detached.transaction(kept).await.unwrap();
    let undone = async |mut db: Db| -> Result<()> {
        insert(&mut db, note(2)).await?;
        Err(Error::not_found("changed my mind"))
    };
    assert_eq!(detached.transaction(undone).await.unwrap_err().code(), Code::NOT_FOUND);
    let ignored = async |mut db: Db| -> Result<()> {
        insert(&mut db, note(3)).await?;
        insert(&mut db, note(1)).await.unwrap_err();
        Ok(())
    };
    assert_eq!(detached.transaction(ignored).await.unwrap_err().code(), Code::INTERNAL);
    assert_eq!(fixture.notes().await, [1]);

    let reading = Scope::new(fixture.pool.clone(), Access::ReadOnly).detach();
    assert!(reading.transaction(kept).await.unwrap_err().chain().contains("read-only transaction"));
}

#[tokio::test]
async fn the_server_ends_what_nobody_waits_for() {
    let fixture = Fixture::new().await;
    let limit = |scope: Scope, name: &'static str| async move {
        let shown = sql::<diesel::sql_types::Text>(&format!("current_setting('{name}')"));
        let shown: String = diesel::select(shown).get_result(&mut scope.db().await.unwrap()).await.unwrap();
        shown
    };
    assert_eq!(limit(fixture.scope(), "statement_timeout").await, "1min");
    assert_eq!(limit(fixture.scope(), "idle_in_transaction_session_timeout").await, "1min");

    let own = format!("{}?options=-c%20statement_timeout%3D5ms", fixture.db.web_url());
    let scope = Scope::new(Pool::of_test(&own, 1), Access::ReadWrite);
    let late = failure(scope.db().await.unwrap().batch_execute("SELECT pg_sleep(600)")).await;
    assert_eq!(late, Code::TIMEOUT, "a URL's own limit stays");
}
