use catena::{JobCtx, Result, job};

struct Mails;

impl Mails {
    #[job]
    async fn send(&self, job: &JobCtx) -> Result<()> {
        let _ = job;
        Ok(())
    }
}

fn main() {}
