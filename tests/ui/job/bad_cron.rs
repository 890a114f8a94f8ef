use catena::{JobCtx, Result, job};

#[job(cron = "0 3 * *")]
async fn four_fields(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = "0 0 3 * * *")]
async fn with_seconds(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = "61 3 * * *")]
async fn minute_61(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = "@daily")]
async fn nickname(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = "0 0 31 4,6 *")]
async fn no_such_day(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 5 mistakes
