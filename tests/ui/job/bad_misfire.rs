use catena::{JobCtx, Result, job};

#[job(cron = "0 3 * * *", misfire = "once")]
async fn once(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = "0 3 * * *", misfire = last)]
async fn without_quotation_marks(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 2 mistakes
