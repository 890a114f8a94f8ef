use catena::{JobCtx, Result, job};

#[job(cron = "0 3 * * * Europe/Paris")]
async fn in_the_expression(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = "0 3 * * *", timezone = "Europe/Paris")]
async fn by_another_name(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = "0 3 * * *", tz = "Europe/Berln")]
async fn with_a_slip(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = "0 3 * * *", tz = "new york")]
async fn the_city_alone(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(cron = "0 3 * * *", tz = "+02:00")]
async fn an_offset(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 5 mistakes
