use catena::{Ctx, Result, procedure};
use diesel as _;

#[procedure(tier = "public")]
async fn create(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    std::fs::write("note", "text")?;
    Ok(())
}

fn main() {}

// Mend: `std::fs::write("note", "text").map_err(Error::internal)?`: the log has the cause, the caller a 500.
