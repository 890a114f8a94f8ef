use catena::{Created, Ctx, Result, procedure};

pub struct Task {
    pub title: String,
}

#[procedure(tier = "public")]
async fn get(ctx: &Ctx) -> Result<Task> {
    let _ = ctx;
    Ok(Task { title: String::new() })
}

#[procedure(tier = "public")]
async fn create(ctx: &Ctx) -> Result<Created<Task>> {
    let _ = ctx;
    Ok(Created(Task { title: String::new() }))
}

fn main() {}

// 2 mistakes
