use catena::model;

#[model]
pub struct Task {
    #[check(range = 1..=5)]
    pub title: String,
}

fn main() {}

// Mend: `#[check(len = 1..=5)]`.
