use catena::model;

#[model]
pub struct Task {
    #[check(len = 1..=5)]
    pub priority: i32,
}

fn main() {}

// Mend: `#[check(range = 1..=5)]`.
