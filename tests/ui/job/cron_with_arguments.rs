use catena::{JobCtx, Result, job};

#[job(cron = "0 3 * * *")]
async fn purge(job: &JobCtx, args: String) -> Result<()> {
    let _ = (job, args);
    Ok(())
}

fn main() {}
