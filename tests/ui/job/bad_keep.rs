use catena::{JobCtx, Result, job};

#[job(keep = "failure")]
async fn a(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(keep = "sometimes")]
async fn b(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(keep = all)]
async fn c(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 3 mistakes
