use catena::{JobCtx, Result, job};

#[job(cron = "0 3 * * * Europe/Paris")]
async fn in_the_expression(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = "0 3 * * *", zone = "Europe/Paris")]
async fn as_an_option(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 2 mistakes
