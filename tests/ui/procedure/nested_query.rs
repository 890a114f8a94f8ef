use std::collections::BTreeMap;

use catena::{Ctx, Result, model, procedure};

#[model]
pub struct Place {
    pub lat: f64,
}

#[model]
pub struct Search {
    pub near: Option<Place>,
    pub words: Vec<String>,
    pub places: Vec<Place>,
    pub counts: BTreeMap<String, i32>,
    #[model(flatten)]
    pub here: Place,
}

/// Finds what is near.
#[procedure(query, tier = "public")]
pub async fn search(_ctx: &Ctx, _input: Search) -> Result<()> {
    Ok(())
}

/// Finds what has a name.
#[procedure(query, tier = "public")]
pub async fn named(_ctx: &Ctx, _input: Vec<String>) -> Result<()> {
    Ok(())
}

fn main() {}

// 2 mistakes
