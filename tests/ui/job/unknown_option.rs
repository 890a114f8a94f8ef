use catena::{JobCtx, Result, job};

#[job(retry = 5)]
async fn misspelt(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(rank = 5)]
async fn unknown(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 2 mistakes
