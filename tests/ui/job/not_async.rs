use catena::{JobCtx, Result, job};

#[job]
fn send(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}
