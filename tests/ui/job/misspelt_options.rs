use catena::{JobCtx, Result, job};

#[job(corn = "0 3 * * *", retrys = 5, backof = "fixed(30s)")]
async fn purge(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 3 mistakes
