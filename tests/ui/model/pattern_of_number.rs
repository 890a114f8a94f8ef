use catena::model;

#[model]
pub struct Task {
    #[check(pattern = "^[0-9]+$")]
    pub code: i32,
}

fn main() {}

// Mend: `pub code: String`.
