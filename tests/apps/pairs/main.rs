//! An application that writes two rows a request, for tests in which something fails between them.

use std::process::ExitCode;

use catena::{Ctx, Result, model, procedure};
use diesel::{
    ExpressionMethods as _, JoinOnDsl as _, QueryDsl as _, QueryResult, define_sql_function,
    dsl::count_star,
    select,
    sql_types::{BigInt, Double},
};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};

diesel::table! {
    lefts (number) {
        number -> BigInt,
    }
}

diesel::table! {
    rights (number) {
        number -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(lefts, rights);

define_sql_function! { fn pg_sleep(seconds: Double) -> Bool; }
define_sql_function! { fn pg_advisory_xact_lock_shared(key: BigInt) -> Bool; }

fn main() -> ExitCode {
    catena::app!("apps/pairs/migrations").run()
}

/// Which pair is meant.
#[model]
pub struct Pair {
    /// Its number.
    pub number: i64,
}

/// Writes a pair, slowly enough to be dropped in the middle.
#[procedure(tier = "public")]
pub async fn write(ctx: &Ctx, input: Pair) -> Result<()> {
    let mut db = ctx.db().await?;
    lefts::table.select(count_star()).first::<i64>(&mut db).await?;
    diesel::insert_into(lefts::table).values(lefts::number.eq(input.number)).execute(&mut db).await?;
    select(pg_sleep(0.003)).execute(&mut db).await?;
    diesel::insert_into(rights::table).values(rights::number.eq(input.number)).execute(&mut db).await?;
    Ok(())
}

/// Writes the right half, and the left one as well unless it is there: a mistake, as the failure is swallowed.
#[procedure(tier = "public")]
pub async fn swallow(ctx: &Ctx, input: Pair) -> Result<()> {
    let mut db = ctx.db().await?;
    diesel::insert_into(rights::table).values(rights::number.eq(input.number)).execute(&mut db).await?;
    let tried: QueryResult<usize> =
        diesel::insert_into(lefts::table).values(lefts::number.eq(input.number)).execute(&mut db).await;
    drop(tried);
    Ok(())
}

/// The same as it should be.
#[procedure(tier = "public")]
pub async fn save(ctx: &Ctx, input: Pair) -> Result<Pair> {
    diesel::insert_into(rights::table)
        .values(rights::number.eq(input.number))
        .execute(&mut ctx.db().await?)
        .await?;
    let tried: Result<()> = ctx
        .transaction(async |mut db| {
            diesel::insert_into(lefts::table).values(lefts::number.eq(input.number)).execute(&mut db).await?;
            Ok(())
        })
        .await;
    drop(tried);
    Ok(input)
}

/// Holds a connection until whoever has the lock lets it go.
#[procedure(tier = "public")]
pub async fn hold(ctx: &Ctx) -> Result<()> {
    select(pg_advisory_xact_lock_shared(4242)).execute(&mut ctx.db().await?).await?;
    Ok(())
}

/// Tells nothing, with the database's help.
#[procedure(query, tier = "public")]
pub async fn ping(ctx: &Ctx) -> Result<()> {
    ctx.db().await?.batch_execute("SELECT").await?;
    Ok(())
}

/// What there is.
#[model]
pub struct Count {
    /// Left halves.
    pub lefts: i64,
    /// Right halves.
    pub rights: i64,
    /// Pairs.
    pub pairs: i64,
}

/// Counts.
#[procedure(query, tier = "public")]
pub async fn count(ctx: &Ctx) -> Result<Count> {
    let mut db = ctx.db().await?;
    Ok(Count {
        lefts: lefts::table.select(count_star()).first(&mut db).await?,
        rights: rights::table.select(count_star()).first(&mut db).await?,
        pairs: lefts::table
            .inner_join(rights::table.on(rights::number.eq(lefts::number)))
            .select(count_star())
            .first(&mut db)
            .await?,
    })
}
