use catena::{JobCtx, Result, job};

#[job(blocking = true)]
fn crunch(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}
