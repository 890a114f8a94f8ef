use catena::{JobCtx, Result, job};

#[job]
async fn send(job: &JobCtx, to: impl Into<String>) -> Result<()> {
    let _ = (job, to.into());
    Ok(())
}

fn main() {}
