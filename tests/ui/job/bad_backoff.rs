use catena::{JobCtx, Result, job};

#[job(backoff = "linear(2s)")]
async fn unknown(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(backoff = "exponentail(2s, 1h)")]
async fn misspelt(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(backoff = "30s")]
async fn nameless(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(backoff = "fixed(30 seconds)")]
async fn bad_duration(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(backoff = "exponential(1h, 2s)")]
async fn shrinking(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(backoff = "exponential(2s)")]
async fn no_cap(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 6 mistakes
