use catena::{JobCtx, Result, job, model};

#[model]
pub struct Mail {
    pub to: String,
    pub template: String,
}

#[job(unique(bye = [to], within = "1 hour", until = "begin", conflict = "replaces"))]
async fn a(job: &JobCtx, mail: Mail) -> Result<()> {
    let _ = (job, mail);
    Ok(())
}

#[job(unique(by = to))]
async fn b(job: &JobCtx, mail: Mail) -> Result<()> {
    let _ = (job, mail);
    Ok(())
}

#[job(unique(by = ["to", template, template], by = [to]))]
async fn c(job: &JobCtx, mail: Mail) -> Result<()> {
    let _ = (job, mail);
    Ok(())
}

#[job(unique(by = [to]))]
async fn d(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

#[job(unique(within = "0s", to))]
async fn e(job: &JobCtx, mail: Mail) -> Result<()> {
    let _ = (job, mail);
    Ok(())
}

#[job(unique = true)]
async fn f(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 12 mistakes
