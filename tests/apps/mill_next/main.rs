//! The next version of the mill, of which only one job is left: it takes other arguments, and reads those of before.

use std::{process::ExitCode, time::Duration};

use catena::{JobCtx, OldArgs, Result, job, model};
use diesel::ExpressionMethods as _;
use diesel_async::RunQueryDsl as _;

diesel::table! {
    effects (number) {
        number -> BigInt,
        part -> Integer,
        process -> Integer,
    }
}

/// A piece of work, as it is described now.
#[model]
pub(crate) struct Piece {
    /// Its number.
    pub id: i64,
    /// How long it takes.
    pub nap: Option<i64>,
}

/// A piece of work as it was described.
#[model]
pub(crate) struct Work {
    /// Its number.
    pub number: i64,
    /// How long it takes.
    pub nap_ms: i64,
}

fn read_work(_version: u16, args: OldArgs) -> Result<Piece> {
    let Work { number, nap_ms } = args.read()?;
    Ok(Piece { id: number, nap: Some(nap_ms) })
}

/// Has an effect in the transaction of its completion.
#[job(retries = 100, version = 2, upgrade = read_work)]
pub(crate) async fn kept(job: &JobCtx, piece: Piece) -> Result<()> {
    let process = i32::try_from(std::process::id()).unwrap_or(0);
    diesel::insert_into(effects::table)
        .values((effects::number.eq(piece.id), effects::part.eq(1), effects::process.eq(process)))
        .execute(&mut job.db().await?)
        .await?;
    tokio::time::sleep(Duration::from_millis(piece.nap.unwrap_or(0).unsigned_abs())).await;
    Ok(())
}

fn main() -> ExitCode {
    catena::app!("apps/mill/migrations").run()
}
