use catena::{JobCtx, Result, job};

#[job(retries = 5, retries = 6)]
async fn send(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}
