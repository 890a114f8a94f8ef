use catena::{Ctx, procedure};

/// Everything is reported at once, and what names the procedure does not fail as well.
#[procedure(teir = "public", tier = "open", query = true)]
fn create(input: String, ctx: Ctx, other: &Ctx) -> String {
    let _ = (ctx, other);
    input
}

pub fn caller(ctx: Ctx, other: &Ctx) -> String {
    create(String::new(), ctx, other)
}

fn main() {}

// 8 mistakes
