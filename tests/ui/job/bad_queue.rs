use catena::{JobCtx, Result, job};

#[job(queue = "")]
async fn a(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(queue = "Mail box")]
async fn b(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(queue = mail)]
async fn c(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 3 mistakes
