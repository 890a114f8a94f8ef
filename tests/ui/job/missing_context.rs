use catena::{Result, job};

#[job]
async fn send(args: String) -> Result<()> {
    let _ = args;
    Ok(())
}

fn main() {}
