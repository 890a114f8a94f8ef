use catena::{Ctx, procedure};

pub enum EditError {
    Done,
}

#[procedure(tier = "public")]
async fn edit(ctx: &Ctx) -> Result<(), EditError> {
    let _ = ctx;
    Err(EditError::Done)
}

fn main() {}
