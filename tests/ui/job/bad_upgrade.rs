use catena::{JobCtx, OldArgs, Result, job, model};

#[model]
pub struct Mail {
    pub to: String,
}

fn read_older(args: OldArgs) -> Result<Mail> {
    args.read()
}

#[job(version = 2, upgrade = read_older)]
async fn one_argument(job: &JobCtx, args: Mail) -> Result<()> {
    let _ = (job, args);
    Ok(())
}

fn read_text(_: u16, args: OldArgs) -> Result<String> {
    Ok(args.text().to_owned())
}

#[job(version = 2, upgrade = read_text)]
async fn another_type(job: &JobCtx, args: Mail) -> Result<()> {
    let _ = (job, args);
    Ok(())
}

fn main() {}

// 2 mistakes
// Mend: `fn read_older(version: u16, args: OldArgs) -> Result<Mail>`, with the type of the job's own arguments.
