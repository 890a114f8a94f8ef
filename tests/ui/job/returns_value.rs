use catena::{JobCtx, Result, job};

#[job]
async fn count(job: &JobCtx) -> Result<i64> {
    let _ = job;
    Ok(1)
}

fn main() {}
