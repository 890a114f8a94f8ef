use catena::{Ctx, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &Ctx) {
    let _ = ctx;
}

#[procedure(tier = "public")]
async fn title(ctx: &Ctx) -> String {
    let _ = ctx;
    String::new()
}

fn main() {}

// 2 mistakes
