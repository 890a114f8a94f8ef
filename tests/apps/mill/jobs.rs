//! Jobs of every sort.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    sync::LazyLock,
    time::Duration,
};

use catena::{Batch, Ctx, Db, Error, JobCtx, Result, job, model};
use diesel::{
    ExpressionMethods as _, QueryableByName, sql_query,
    sql_types::{BigInt, Bool, Text},
};
use diesel_async::RunQueryDsl as _;

use crate::effects;

/// A piece of work.
#[model]
pub(crate) struct Work {
    /// Its number.
    pub number: i64,
    /// How long it takes.
    pub nap_ms: i64,
}

impl Work {
    async fn nap(&self) {
        tokio::time::sleep(Duration::from_millis(self.nap_ms.unsigned_abs())).await;
    }
}

/// What happens outside the database, a line an effect: `number process`.
static BOOK: LazyLock<File> = LazyLock::new(|| {
    let path = std::env::var_os("MILL_BOOK").expect("MILL_BOOK names a file");
    OpenOptions::new().create(true).append(true).open(path).expect("the book is writable")
});

fn process() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(0)
}

async fn enter(db: &mut Db, number: i64, part: i32) -> Result<()> {
    diesel::insert_into(effects::table)
        .values((effects::number.eq(number), effects::part.eq(part), effects::process.eq(process())))
        .execute(db)
        .await?;
    Ok(())
}

/// Has an effect outside the database.
#[job(retries = 100)]
pub(crate) async fn plain(job: &JobCtx, work: Work) -> Result<()> {
    let _ = job;
    work.nap().await;
    // One write: lines of several processes stay whole.
    let line = format!("{} {}\n", work.number, process());
    (&*BOOK).write_all(line.as_bytes()).map_err(Error::internal)
}

/// Has an effect in the transaction of its completion.
#[job(retries = 100)]
pub(crate) async fn kept(job: &JobCtx, work: Work) -> Result<()> {
    enter(&mut job.db().await?, work.number, 1).await?;
    work.nap().await;
    Ok(())
}

/// Has two effects, one after the other.
#[job(retries = 100)]
pub(crate) async fn stepped(job: &JobCtx, work: Work) -> Result<()> {
    for part in [1, 2] {
        let enter = async |mut db| enter(&mut db, work.number, part).await;
        job.step(format!("part {part}"), enter).await?;
        work.nap().await;
    }
    Ok(())
}

/// The same, and sleeps in between.
#[job(retries = 100)]
pub(crate) async fn sleeping(job: &JobCtx, work: Work) -> Result<()> {
    job.step("part 1", async |mut db| enter(&mut db, work.number, 1).await).await?;
    job.sleep("rest", "200ms").await?;
    job.step("part 2", async |mut db| enter(&mut db, work.number, 2).await).await
}

/// Takes long, unless the process is in a hurry.
#[job(retries = 100)]
pub(crate) async fn slow(job: &JobCtx, work: Work) -> Result<()> {
    if std::env::var_os("MILL_HURRY").is_none() {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    kept(job, work).await
}

/// The same, some time after it was wanted.
#[job(retries = 100)]
pub(crate) async fn later(job: &JobCtx, work: Work) -> Result<()> {
    kept(job, work).await
}

/// The same, at the second attempt.
#[job(retries = 100, backoff = "fixed(100ms)")]
pub(crate) async fn flaky(job: &JobCtx, work: Work) -> Result<()> {
    kept(job, work).await?;
    if job.attempt() == 1 { Err(Error::internal("the first attempt fails")) } else { Ok(()) }
}

/// A piece of work of which only one a lane is done at a time.
#[model]
pub(crate) struct Turn {
    /// Its number.
    pub number: i64,
    /// How long it takes.
    pub nap_ms: i64,
    /// What it has to itself.
    pub lane: i64,
}

/// Has an effect in the transaction of its completion, and a lane to itself.
#[job(retries = 100, concurrency(by = [lane], limit = 1))]
pub(crate) async fn keyed(job: &JobCtx, turn: Turn) -> Result<()> {
    let Turn { number, nap_ms, lane } = turn;
    let alone = format!("SELECT pg_try_advisory_xact_lock(1000, {lane}) AS holds");
    seen(job, number, &alone, "another ran in its lane").await?;
    kept(job, Work { number, nap_ms }).await
}

/// Is made once for as long as it is not done.
#[job(retries = 100, unique(by = [lane]))]
pub(crate) async fn single(job: &JobCtx, turn: Turn) -> Result<()> {
    let Turn { number, nap_ms, .. } = turn;
    let only = format!(
        "SELECT NOT EXISTS (SELECT FROM catena.jobs a JOIN catena.jobs b USING (unique_key)
            WHERE a.id = {} AND b.id <> a.id AND b.state <> 4) AS holds",
        job.id()
    );
    seen(job, number, &only, "there is another like it").await?;
    kept(job, Work { number, nap_ms }).await
}

/// One of the pieces that are wanted together.
#[model]
pub(crate) struct Member {
    /// Their number.
    pub number: i64,
    /// How long it takes.
    pub nap_ms: i64,
    /// What it does.
    pub part: i32,
}

/// How many effects the members of a batch have: one each of those with the first numbers.
const PARTS: i32 = 3;

/// The part of one that has no effect.
const NOTHING: i32 = 4;

/// The part of one that is not needed.
const NOT_NEEDED: i32 = 5;

/// Enqueues a batch; returns how many effects it has, with that of the job that completes it.
pub(crate) async fn enqueue_batch(ctx: &Ctx, work: Work) -> Result<i32> {
    let Work { number, nap_ms } = work;
    let members = (1..=NOT_NEEDED).map(|part| member::with(Member { number, nap_ms, part }));
    Batch::new().add_all(members).then(whole::with(work)).enqueue(ctx).await?;
    Ok(PARTS + 1)
}

/// Has an effect: the first in the transaction of its completion, the second at the second attempt, the third in a step.
#[job(retries = 100, backoff = "fixed(100ms)")]
pub(crate) async fn member(job: &JobCtx, member: Member) -> Result<()> {
    let Member { number, nap_ms, part } = member;
    let work = Work { number, nap_ms };
    work.nap().await;
    match part {
        NOTHING => return Ok(()),
        NOT_NEEDED => return Err(Error::cancel("it is not needed")),
        PARTS => job.step("part", async |mut db| enter(&mut db, number, part).await).await?,
        _ => enter(&mut job.db().await?, number, part).await?,
    }
    if part == 2 && job.attempt() == 1 { Err(Error::internal("the first attempt fails")) } else { Ok(()) }
}

/// Has an effect, when all members have ended.
#[job(retries = 100)]
pub(crate) async fn whole(job: &JobCtx, work: Work) -> Result<()> {
    let number = work.number;
    let there = format!(
        "SELECT count(*) = {PARTS} AND count(DISTINCT part) = {PARTS} AS holds FROM effects WHERE number = {number}"
    );
    seen(job, number, &there, "it came before its members, or again").await?;
    let counts = job.batch().await?;
    let counted = counts.is_some_and(|counts| {
        counts.jobs == 5 && counts.completed == 4 && counts.cancelled == 1 && counts.discarded == 0
    });
    seen(job, number, &format!("SELECT {counted} AS holds"), "its members were counted wrongly").await?;
    enter(&mut job.db().await?, number, PARTS + 1).await?;
    work.nap().await;
    Ok(())
}

/// Notes a fault if something does not hold.
async fn seen(job: &JobCtx, number: i64, question: &str, fault: &str) -> Result<()> {
    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = Bool)]
        holds: bool,
    }
    let mut db = job.db().await?;
    let Answer { holds } = sql_query(question).get_result(&mut db).await?;
    if !holds {
        let note = sql_query("INSERT INTO faults VALUES ($1, $2)");
        note.bind::<BigInt, _>(number).bind::<Text, _>(fault).execute(&mut db).await?;
    }
    Ok(())
}

/// Takes its whole process with it.
#[job(retries = 100)]
pub(crate) async fn poison(job: &JobCtx, work: Work) -> Result<()> {
    let _ = (job, work);
    std::process::abort()
}

/// Is due every minute.
#[job(cron = "* * * * *", retries = 100)]
pub(crate) async fn tick(job: &JobCtx) -> Result<()> {
    enter(&mut job.db().await?, -job.id(), 1).await
}
