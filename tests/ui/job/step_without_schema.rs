use catena::{JobCtx, Result, job};

pub struct Receipt {
    pub number: String,
}

#[job]
async fn charge(job: &JobCtx) -> Result<()> {
    job.step("charge", async |_| Ok(Receipt { number: "1".to_owned() })).await?;
    Ok(())
}

fn main() {}

// 1 mistake, 3 messages
