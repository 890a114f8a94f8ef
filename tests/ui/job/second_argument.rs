use catena::{JobCtx, Result, job};

#[job]
async fn send(job: &JobCtx, to: String, text: String) -> Result<()> {
    let _ = (job, to, text);
    Ok(())
}

pub async fn enqueue(job: &JobCtx) -> Result<()> {
    send::enqueue(job, String::new()).await.map(|_| ())
}

fn main() {}
