use catena::{JobCtx, Result, job};

#[job]
async fn send(job: &JobCtx, to: String) -> Result<()> {
    let _ = (job, to);
    Ok(())
}

pub async fn without_a_context() -> Result<()> {
    send::enqueue((), String::new()).await.map(|_| ())
}

pub async fn other_arguments(job: &JobCtx) -> Result<()> {
    send::enqueue(job, 5).await.map(|_| ())
}

fn main() {}

// 2 mistakes, 4 messages
// Mend: `send::enqueue(job, "ada".to_owned())`: on a context or a handle, with arguments of the type that the job takes.
