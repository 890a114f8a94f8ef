use catena::{JobCtx, Result, job};

#[job(retries: 5)]
async fn colon(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = 0 3 * * *)]
async fn no_quotation_marks(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(5)]
async fn no_name(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 3 mistakes
