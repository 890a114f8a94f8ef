//! Jobs that act in somebody's name.

use catena::{Ctx, Error, JobCtx, Result, job, model, procedure, types::Uuid};
use diesel::{ExpressionMethods as _, QueryDsl as _, dsl::count_star};
use diesel_async::RunQueryDsl as _;
use serde_json::json;

use crate::club::{club, joined, members};

/// In whose name, and whether the job fails afterwards.
#[model]
struct Act {
    member_id: Uuid,
    fails: bool,
}

/// Has a job act in a member's name.
#[procedure(tier = "public")]
async fn act(ctx: &Ctx, input: Act) -> Result<()> {
    act_for_member::enqueue(ctx, input).await?;
    Ok(())
}

/// Writes into every row it may write how many it sees, and tries what it may not.
#[job(retries = 0)]
async fn act_for_member(job: &JobCtx, args: Act) -> Result<()> {
    let all: i64 = members::table.select(count_star()).first(&mut job.db().await?).await?;
    let member = job.as_user(args.member_id);
    let forged: Result<()> = member
        .transaction(async |mut db| {
            let stranger = members::id.eq(Uuid::nil());
            diesel::insert_into(members::table).values(stranger).execute(&mut db).await?;
            Ok(())
        })
        .await;
    assert!(forged.is_err(), "a row of somebody else's is refused");
    let undone: Result<()> = member
        .transaction(async |mut db| {
            diesel::update(members::table).set(members::role.eq("undone")).execute(&mut db).await?;
            Err(Error::conflict("not after all"))
        })
        .await;
    assert!(undone.is_err(), "its own error comes back");
    member
        .transaction(async |mut db| {
            let seen: i64 = members::table.select(count_star()).first(&mut db).await?;
            let role = members::role.eq(format!("sees {seen} of {all}"));
            diesel::update(members::table).set(role).execute(&mut db).await?;
            Ok::<(), Error>(())
        })
        .await?;
    diesel::update(members::table.filter(members::role.eq("member")))
        .set(members::role.eq("seen by the job"))
        .execute(&mut job.db().await?)
        .await?;
    if args.fails { Err(Error::discard("as it was told")) } else { Ok(()) }
}

async fn roles_after(fails: bool) -> Vec<String> {
    let app = club().await;
    let mut ada = joined(&app, "ada").await;
    joined(&app, "ben").await;
    let id: Uuid = members::table
        .select(members::id)
        .order(members::id)
        .first(&mut app.db().connect().await)
        .await
        .expect("ada came first");
    assert_eq!(ada.post("/api/act", json!({"member_id": id, "fails": fails})).await.status, 204);
    app.run_jobs().await;
    let roles = members::table.select(members::role).order(members::id);
    roles.load(&mut app.db().connect().await).await.expect("the owner may read them")
}

#[tokio::test]
async fn a_job_in_a_members_name_sees_and_writes_that_members_rows_only() {
    assert_eq!(roles_after(false).await, ["sees 1 of 2", "seen by the job"]);
}

#[tokio::test]
async fn what_was_written_in_a_members_name_is_apart_from_the_job() {
    assert_eq!(roles_after(true).await, ["sees 1 of 2", "member"], "the job's own write is undone with it");
}
