use catena::{JobCtx, Result, job};

pub struct Mail {
    pub to: String,
}

#[job]
async fn send(job: &JobCtx, args: Mail) -> Result<()> {
    let _ = (job, args.to);
    Ok(())
}

fn main() {}
