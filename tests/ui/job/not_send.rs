use catena::{JobCtx, Result, job};

#[job]
async fn send(job: &JobCtx) -> Result<()> {
    let counter = std::rc::Rc::new(1);
    job.db().await?;
    drop(counter);
    Ok(())
}

fn main() {}

// Mend: drop what cannot be sent to another thread before `.await`, or use `Arc` for `Rc`.
