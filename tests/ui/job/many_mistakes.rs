use catena::{Ctx, job};

/// Everything is reported at once, and what enqueues the job does not fail as well.
#[job(retry = 5, cron = "0 25 * * *", backoff = "fixed")]
fn send(to: String, ctx: &Ctx, text: String) -> String {
    let _ = (to, ctx);
    text
}

fn main() {}

// 8 mistakes
