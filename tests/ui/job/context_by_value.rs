use catena::{JobCtx, Result, job};

#[job]
async fn send(job: JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}
