use catena::{JobCtx, Result, job, model};

#[model]
struct Mail {
    to: String,
}

#[job]
pub async fn send(job: &JobCtx, args: Mail) -> Result<()> {
    let _ = (job, args.to);
    Ok(())
}

fn main() {}

// Mend: make the model as visible as the job: `pub struct Mail`.
