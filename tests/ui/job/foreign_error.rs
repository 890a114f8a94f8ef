use catena::{JobCtx, job};

#[job]
async fn send(job: &JobCtx) -> Result<(), std::io::Error> {
    let _ = job;
    Ok(())
}

fn main() {}
