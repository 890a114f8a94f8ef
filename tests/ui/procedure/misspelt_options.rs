use catena::{Ctx, Result, procedure};

#[procedure(
    qurey,
    teir = "public",
    methd = "PATCH",
    paht = "/api/edit",
    ids = "tasks.edit",
    tags = "tasks",
    timout = "30s",
    bodylimit = "8KiB",
    depricated,
    hiden
)]
async fn edit(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 10 mistakes
