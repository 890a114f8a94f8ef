use std::io;

use catena::{Ctx, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &Ctx) -> io::Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}
