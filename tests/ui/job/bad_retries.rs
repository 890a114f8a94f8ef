use catena::{JobCtx, Result, job};

#[job(retries = 1001)]
async fn too_many(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(retries = -1)]
async fn negative(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(retries = "5")]
async fn quoted(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 3 mistakes
