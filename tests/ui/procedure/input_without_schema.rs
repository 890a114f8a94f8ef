use catena::{Ctx, Result, procedure};

pub struct NewTask {
    pub title: String,
}

#[procedure(tier = "public")]
async fn create(ctx: &Ctx, input: NewTask) -> Result<()> {
    let _ = (ctx, input.title);
    Ok(())
}

fn main() {}
