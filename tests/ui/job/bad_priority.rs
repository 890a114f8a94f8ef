use catena::{JobCtx, Result, job};

#[job(priority = 4)]
async fn a(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(priority = "1")]
async fn b(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 2 mistakes
