use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &Ctx) -> Result<()> {
    let counter = std::rc::Rc::new(1);
    ctx.db().await?;
    drop(counter);
    Ok(())
}

fn main() {}

// Mend: drop what cannot be sent to another thread before `.await`, or use `Arc` for `Rc`.
