//! A process that works on jobs and measures itself: `JOBS=200000 jobs work` prints one line of JSON once so many have
//! been done, and stops. Jobs are done when their completion is committed, if `DRAINED` says that none is left then.

use std::{
    process::ExitCode,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use catena::{App, Ctx, JobCtx, Result, job, model, procedure, testing::EmbeddedMigrations};
use diesel::{ExpressionMethods as _, QueryableByName, sql_query, sql_types::Bool};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};

diesel::table! {
    effects (id) {
        id -> BigInt,
        n -> BigInt,
    }
}

#[model]
pub struct Number {
    pub n: i64,
}

/// Does nothing.
#[job]
pub async fn noop(_job: &JobCtx, args: Number) -> Result<()> {
    done(args.n);
    Ok(())
}

/// Does nothing, and is not kept.
#[job(keep = "none")]
pub async fn forgotten(_job: &JobCtx, args: Number) -> Result<()> {
    done(args.n);
    Ok(())
}

/// Writes a row in the transaction that completes it.
#[job]
pub async fn effect(job: &JobCtx, args: Number) -> Result<()> {
    diesel::insert_into(effects::table).values(effects::n.eq(args.n)).execute(&mut job.db().await?).await?;
    done(args.n);
    Ok(())
}

/// Does nothing, while no other with its key does.
#[job(concurrency(by = [n], limit = 1))]
pub async fn turn(_job: &JobCtx, args: Number) -> Result<()> {
    done(args.n);
    Ok(())
}

#[model]
pub struct Sent {
    /// Microseconds since 1970.
    pub at: i64,
}

/// Notes how long ago it was enqueued.
#[job]
pub async fn timed(_job: &JobCtx, args: Sent) -> Result<()> {
    DELAYS.lock().expect("nobody panics").push(micros() - args.at);
    done(args.at);
    Ok(())
}

/// Enqueues one that is timed.
#[procedure(tier = "public")]
pub async fn enqueue(ctx: &Ctx) -> Result<()> {
    timed::enqueue(ctx, Sent { at: micros() }).await?;
    Ok(())
}

static BEGAN: OnceLock<Instant> = OnceLock::new();
static DONE: AtomicUsize = AtomicUsize::new(0);
static DELAYS: Mutex<Vec<i64>> = Mutex::new(Vec::new());

fn done(_args: i64) {
    BEGAN.get_or_init(Instant::now);
    DONE.fetch_add(1, Relaxed);
}

fn micros() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_micros()).expect("it is before the year 9000")
}

/// Waits until `jobs` are done, and for their completions if `drained`; prints what was measured and ends the process.
fn watch(jobs: usize, drained: bool) {
    while AtomicUsize::load(&DONE, Relaxed) < jobs {
        thread::sleep(Duration::from_millis(1));
    }
    if drained {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(until_drained());
    }
    let seconds = BEGAN.get().expect("jobs were done").elapsed().as_secs_f64();
    let mut delays = std::mem::take(&mut *DELAYS.lock().expect("nobody panics"));
    delays.sort_unstable();
    let percentile = |part: usize| delays.get(delays.len() * part / 1000).copied();
    let found = serde_json::json!({
        "jobs": AtomicUsize::load(&DONE, Relaxed), "seconds": seconds,
        "p50": percentile(500), "p95": percentile(950), "p99": percentile(990), "p999": percentile(999),
    });
    println!("{found}");
    std::process::exit(0);
}

async fn until_drained() {
    #[derive(QueryableByName)]
    struct Drained {
        #[diesel(sql_type = Bool)]
        drained: bool,
    }
    let url = std::env::var("DATABASE_URL").expect("where the jobs are");
    let mut connection = AsyncPgConnection::establish(&url).await.expect("a connection");
    loop {
        let query = sql_query("SELECT NOT EXISTS (SELECT FROM catena.jobs) AS drained");
        let Drained { drained } = query.get_result(&mut connection).await.expect("an answer");
        if drained {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn main() -> ExitCode {
    if let Some(jobs) = std::env::var("JOBS").ok().and_then(|jobs| jobs.parse().ok()) {
        let drained = std::env::var_os("DRAINED").is_some();
        thread::spawn(move || watch(jobs, drained));
    }
    App::new("jobs", "0.0.0", EmbeddedMigrations::new(&[])).run()
}
