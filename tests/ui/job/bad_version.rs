use catena::{JobCtx, OldArgs, Result, job, model};

#[model]
pub struct Mail {
    pub to: String,
}

fn read_older(_: u16, args: OldArgs) -> Result<Mail> {
    args.read()
}

#[job(version = 0, upgrade = read_older)]
async fn zero(job: &JobCtx, args: Mail) -> Result<()> {
    let _ = (job, args);
    Ok(())
}

#[job(version = "2")]
async fn text(job: &JobCtx, args: Mail) -> Result<()> {
    let _ = (job, args);
    Ok(())
}

#[job(version = 2)]
async fn no_way_up(job: &JobCtx, args: Mail) -> Result<()> {
    let _ = (job, args);
    Ok(())
}

#[job(upgrade = read_older)]
async fn nothing_older(job: &JobCtx, args: Mail) -> Result<()> {
    let _ = (job, args);
    Ok(())
}

#[job(version = 2, upgrade = read_older)]
async fn no_arguments(job: &JobCtx) -> Result<()> {
    let _ = job;
    Ok(())
}

fn main() {}

// 6 mistakes
