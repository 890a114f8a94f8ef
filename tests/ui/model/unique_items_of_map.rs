use std::collections::BTreeMap;

use catena::model;

#[model]
pub struct Task {
    #[check(unique_items)]
    pub counts: BTreeMap<String, i32>,
}

fn main() {}

// Mend: remove the check: the keys of a map are unique anyway.
