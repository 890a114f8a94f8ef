use catena::{JobCtx, Result, job, model};

#[model]
pub struct Mail {
    pub to: String,
}

#[job(concurrency(by = [too], limit = 1))]
async fn a(job: &JobCtx, mail: Mail) -> Result<()> {
    let _ = (job, mail);
    Ok(())
}

fn main() {}

// Mend: name fields of the arguments in `by`.
