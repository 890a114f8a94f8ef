use catena::model;

#[model]
pub struct Task {
    #[check(items = 1..=5)]
    pub title: String,
}

fn main() {}

// Mend: `#[check(len = 1..=5)]`.
