use catena::{Ctx, Result, model, procedure};

#[model]
struct NewTask {
    title: String,
}

#[procedure(tier = "public")]
pub async fn create(ctx: &Ctx, input: NewTask) -> Result<()> {
    let _ = (ctx, input.title);
    Ok(())
}

fn main() {}

// Mend: make the model as visible as the procedure: `pub struct NewTask`.
