use catena::{Result, procedure};

#[procedure(tier = "public")]
async fn ping() -> Result<()> {
    Ok(())
}

#[procedure(tier = "public")]
async fn create(input: String) -> Result<()> {
    let _ = input;
    Ok(())
}

fn main() {}

// 2 mistakes
