use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async fn create<T>(ctx: &Ctx, input: Vec<T>) -> Result<()> {
    let _ = (ctx, input);
    Ok(())
}

#[procedure(tier = "public")]
async fn list<'a>(ctx: &'a Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 2 mistakes
