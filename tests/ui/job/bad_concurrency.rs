use catena::{JobCtx, Result, job, model};

#[model]
pub struct Transfer {
    pub from: String,
    pub to: String,
}

#[job(concurrency)]
async fn a(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(concurrency(by = [from]))]
async fn b(job: &JobCtx, transfer: Transfer) -> Result<()> {
    let _ = (job, transfer);
    Ok(())
}

#[job(concurrency(by = from, limits = 2))]
async fn c(job: &JobCtx, transfer: Transfer) -> Result<()> {
    let _ = (job, transfer);
    Ok(())
}

#[job(concurrency(by = [from], limit = 0))]
async fn d(job: &JobCtx, transfer: Transfer) -> Result<()> {
    let _ = (job, transfer);
    Ok(())
}

#[job(concurrency(by = [from], limit = 1))]
async fn e(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 6 mistakes
