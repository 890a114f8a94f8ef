use catena::{JobCtx, Result, job};

#[job]
async fn send(job: &JobCtx, to: &str) -> Result<()> {
    let _ = (job, to);
    Ok(())
}

fn main() {}
