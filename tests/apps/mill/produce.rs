//! Asking for work: what is wanted, and its job, are one transaction.

use catena::{Ctx, Error, Result, model, procedure};
use diesel::ExpressionMethods as _;
use diesel_async::RunQueryDsl as _;

use crate::{
    jobs::{
        Turn, Work, enqueue_batch, flaky, kept, keyed, later, plain, poison, single, sleeping, slow, stepped,
    },
    wanted,
};

/// Which work is wanted.
#[model]
pub(crate) struct Order {
    /// The number of the first piece.
    pub first: i64,
    /// How many there are from there.
    #[check(range = 1..=1000)]
    pub count: i64,
    /// The sorts, which take turns.
    #[check(items = 1..=20)]
    pub sorts: Vec<String>,
    /// How long each piece takes.
    pub nap_ms: i64,
}

/// Enqueues a job a piece, or a batch of them, all or none.
#[procedure(tier = "public")]
pub(crate) async fn order(ctx: &Ctx, input: Order) -> Result<()> {
    let numbers = input.first..input.first + input.count;
    for (number, sort) in numbers.zip(input.sorts.iter().cycle()) {
        let nap_ms = input.nap_ms;
        let (work, turn) = (Work { number, nap_ms }, Turn { number, nap_ms, lane: number % 8 });
        let parts = match sort.as_str() {
            "plain" => plain::enqueue(ctx, work).await.map(|_| 0),
            "kept" => kept::enqueue(ctx, work).await.map(|_| 1),
            "flaky" => flaky::enqueue(ctx, work).await.map(|_| 1),
            "later" => later::with(work).delay("2s").enqueue(ctx).await.map(|_| 1),
            "stepped" => stepped::enqueue(ctx, work).await.map(|_| 2),
            "sleeping" => sleeping::enqueue(ctx, work).await.map(|_| 2),
            "slow" => slow::enqueue(ctx, work).await.map(|_| 1),
            "batched" => enqueue_batch(ctx, work).await,
            "keyed" => keyed::enqueue(ctx, turn).await.map(|_| 1),
            // It may be another's.
            "single" => single::enqueue(ctx, turn).await.map(|_| -1),
            "poison" => poison::enqueue(ctx, work).await.map(|_| 1),
            _ => Err(Error::not_found("there is no such sort")),
        }?;
        diesel::insert_into(wanted::table)
            .values((wanted::number.eq(number), wanted::sort.eq(sort), wanted::parts.eq(parts)))
            .execute(&mut ctx.db().await?)
            .await?;
    }
    Ok(())
}
