use catena::{JobCtx, Result, job};

#[job]
async fn send(args: String, job: &JobCtx) -> Result<()> {
    let _ = (job, args);
    Ok(())
}

fn main() {}
