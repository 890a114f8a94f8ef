//! An application whose jobs write down that they ran, for tests that kill it.

use std::process::ExitCode;

use catena::{Ctx, JobCtx, Result, job, model, procedure};
use diesel::{ExpressionMethods as _, QueryDsl as _, define_sql_function, select, sql_types::Double};
use diesel_async::RunQueryDsl as _;

diesel::table! {
    ledger (id) {
        id -> BigInt,
        number -> BigInt,
    }
}

define_sql_function! { fn pg_sleep(seconds: Double) -> Bool; }

fn main() -> ExitCode {
    catena::app!("apps/ledger/migrations").run()
}

/// Answers, and that is all.
#[procedure(query, tier = "public")]
pub async fn ping(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

/// How many entries there are, whoever made them.
#[model]
pub struct Entries {
    /// That many.
    pub count: i64,
}

/// Counts the entries.
#[procedure(query, tier = "public")]
pub async fn count(ctx: &Ctx) -> Result<Entries> {
    let count = ctx
        .elevated("anybody may know how many there are", async |mut db| -> Result<i64> {
            Ok(ledger::table.count().get_result(&mut db).await?)
        })
        .await?;
    Ok(Entries { count })
}

/// How many entries to make.
#[model]
pub struct Fill {
    /// The entries are numbered from 1 to this.
    #[check(range = 1..=100_000)]
    pub count: i64,
}

/// One entry.
#[model]
pub struct Entry {
    /// Its number.
    pub number: i64,
}

/// Enqueues one job an entry, all or none.
#[procedure(tier = "public")]
pub async fn fill(ctx: &Ctx, input: Fill) -> Result<()> {
    for number in 1..=input.count {
        enter::enqueue(ctx, Entry { number }).await?;
    }
    Ok(())
}

/// Writes an entry down, and takes long enough to be killed in the middle.
#[job(retries = 5)]
pub async fn enter(job: &JobCtx, args: Entry) -> Result<()> {
    let mut db = job.db().await?;
    diesel::insert_into(ledger::table).values(ledger::number.eq(args.number)).execute(&mut db).await?;
    select(pg_sleep(0.05)).execute(&mut db).await?;
    Ok(())
}
