//! apalis-postgres: `fill` makes its tables and JOBS jobs; otherwise works on them and prints how many seconds they took,
//! from the first to the last handler, in batches as large as ours.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use apalis::prelude::*;
use apalis_postgres::{Config, PgPool, PostgresStorage};
use futures::stream;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize)]
struct Number {
    n: usize,
}

static BEGAN: OnceLock<Instant> = OnceLock::new();
static DONE: AtomicUsize = AtomicUsize::new(0);

async fn noop(_args: Number) -> Result<(), BoxDynError> {
    BEGAN.get_or_init(Instant::now);
    DONE.fetch_add(1, Relaxed);
    Ok(())
}

#[tokio::main]
async fn main() {
    let jobs: usize = std::env::var("JOBS").expect("how many").parse().expect("a number");
    let url = std::env::var("DATABASE_URL").expect("where");
    let pool = PgPool::connect(&url).await.expect("a connection");
    let config = Config::default().queue("noop").batch_size(1000);
    let mut backend = PostgresStorage::new(&pool).with_config(config);
    if std::env::args().nth(1).as_deref() == Some("fill") {
        PostgresStorage::setup(&pool).await.expect("its tables");
        let mut tasks = stream::iter((0..jobs).map(|n| TaskBuilder::new(Number { n }).build()));
        backend.push_all(&mut tasks).await.expect("the jobs");
        return;
    }
    let worker = WorkerBuilder::new("noop").backend(backend).concurrency(24).build(noop);
    tokio::spawn(async move { worker.run().await });
    while DONE.load(Relaxed) < jobs {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let seconds = BEGAN.get().expect("jobs were done").elapsed().as_secs_f64();
    println!("{}", serde_json::json!({"jobs": jobs, "seconds": seconds}));
}
