use catena::{JobCtx, Result, job};

#[job(blocking = true)]
fn crunch(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(blocking)]
fn awaits(job: &JobCtx) -> Result<()> {
    job.db().await?;
    Ok(())
}

fn main() {}

// 2 mistakes
