use catena::{JobCtx, Result, job};

#[job(timeout = "30")]
async fn a(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(timeout = "0s")]
async fn b(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(timeout = "8d")]
async fn c(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(timeout = 30)]
async fn d(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 4 mistakes
