use catena::{JobCtx, Result, job};

#[job]
async fn send<T>(job: &JobCtx, args: Vec<T>) -> Result<()> {
    let _ = (job, args);
    Ok(())
}

#[job]
async fn again<'a>(job: &'a JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 2 mistakes
