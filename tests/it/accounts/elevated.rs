//! A procedure that goes past row-level security, and says why.

use catena::{Ctx, Error, Result, User, model, procedure, types::Uuid};
use diesel::{
    ExpressionMethods as _, QueryDsl as _, QueryableByName, sql_query,
    sql_types::{BigInt, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl as _;
use serde_json::json;

use crate::club::{Mails, club, joined, members, postal_club};

/// How many members a procedure sees in its own transaction, before and after it has seen more.
#[model]
struct Seen {
    before: i64,
    elevated: i64,
    after: i64,
    acts_for: Option<Uuid>,
}

#[derive(QueryableByName)]
struct ActsFor {
    #[diesel(sql_type = diesel::sql_types::Nullable<SqlUuid>)]
    id: Option<Uuid>,
}

/// Counts the members.
#[procedure(query, tier = "protected")]
async fn count_all(ctx: &Ctx<User>) -> Result<Seen> {
    let own =
        async || members::table.count().get_result::<i64>(&mut ctx.db().await?).await.map_err(Error::from);
    let before = own().await?;
    let (elevated, acts_for) = ctx
        .elevated("members may know how many there are", async |mut db| -> Result<_> {
            let count = members::table.count().get_result(&mut db).await?;
            let acts_for: ActsFor = sql_query("SELECT catena.user_id() AS id").get_result(&mut db).await?;
            Ok((count, acts_for.id))
        })
        .await?;
    Ok(Seen { before, elevated, after: own().await?, acts_for })
}

/// What becomes of promoting everybody.
#[model]
enum Outcome {
    /// It is done.
    Done,
    /// It is refused half way.
    Refused,
    /// It is done, and the procedure fails after that.
    Later,
    /// Whoever asked goes away half way.
    Dropped,
}

/// How promoting everybody is to end.
#[model]
struct Promotion {
    outcome: Outcome,
}

/// Promotes everybody.
#[procedure(tier = "protected")]
async fn promote_all(ctx: &Ctx<User>, input: Promotion) -> Result<()> {
    let mails = ctx.state::<Mails>()?.clone();
    ctx.elevated("the club promotes everybody", async |mut db| -> Result<()> {
        diesel::update(members::table).set(members::role.eq("steward")).execute(&mut db).await?;
        match input.outcome {
            Outcome::Refused => return Err(Error::conflict("not today")),
            Outcome::Dropped => {
                mails.meet().await;
                std::future::pending::<()>().await;
            }
            Outcome::Done | Outcome::Later => {}
        }
        Ok(())
    })
    .await?;
    if matches!(input.outcome, Outcome::Later) { Err(Error::conflict("too late")) } else { Ok(()) }
}

/// Tries to promote everybody in a query.
#[procedure(query, tier = "protected")]
async fn promote_in_a_query(ctx: &Ctx<User>) -> Result<()> {
    ctx.elevated("queries only read", async |mut db| -> Result<()> {
        diesel::update(members::table).set(members::role.eq("steward")).execute(&mut db).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn it_sees_everybody_and_leaves_the_requests_own_transaction_alone() {
    let app = club().await;
    let (mut ada, _grace) = (joined(&app, "ada").await, joined(&app, "grace").await);
    let seen = ada.get("/api/count_all").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let mut seen = seen.json();
    assert!(seen["acts_for"].take().is_string(), "it still acts for the caller");
    assert_eq!(seen, json!({"before": 1, "elevated": 2, "after": 1, "acts_for": null}));
    let metrics = app.client().get("/metrics").await.text().to_owned();
    assert!(metrics.contains("catena_elevated_total{operation=\"count_all\"}"), "{metrics}");
}

#[tokio::test]
async fn it_commits_by_itself_and_only_if_it_goes_well() {
    let (app, mails) = postal_club().await;
    let (mut ada, _grace) = (joined(&app, "ada").await, joined(&app, "grace").await);
    let mut owner = app.db().connect().await;
    let mut stewards = async || {
        let query = members::table.filter(members::role.eq("steward")).count();
        query.get_result::<i64>(&mut owner).await.expect("the table is there")
    };
    let mut promote = async |outcome: Option<&str>| match outcome {
        Some(outcome) => ada.post("/api/promote_all", json!({"outcome": outcome})).await.status,
        None => ada.get("/api/promote_in_a_query").await.status,
    };

    assert_eq!(promote(Some("refused")).await, 409);
    assert_eq!(stewards().await, 0, "undone");
    assert_eq!(promote(None).await, 500);
    assert_eq!(stewards().await, 0, "refused");
    tokio::select! {
        status = promote(Some("dropped")) => panic!("it does not end: {status}"),
        () = mails.meet() => {}
    }
    until_quiet(&app).await;
    assert_eq!(stewards().await, 0, "rolled back");
    assert_eq!(promote(Some("later")).await, 409);
    assert_eq!(stewards().await, 2, "apart from the request");
}

#[derive(QueryableByName)]
struct Open {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Waits until no transaction of the application is open.
async fn until_quiet(app: &catena::testing::TestApp) {
    let mut owner = app.db().connect().await;
    let open =
        "SELECT count(*) FROM pg_locks WHERE relation = 'members'::regclass AND mode = 'RowExclusiveLock'";
    let quiet = async {
        while sql_query(open).get_result::<Open>(&mut owner).await.expect("statistics").count > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), quiet).await.expect("it is rolled back");
}
