use catena::{JobCtx, job};

#[job]
async fn send(job: &JobCtx) {
    let _ = job;
}

fn main() {}
