use catena::{JobCtx, Result, job};

#[job(tz = "Europe/Paris", misfire = "all")]
async fn never(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(corn = "0 3 * * *", tz = "Europe/Paris")]
async fn one_mistake(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 3 mistakes
