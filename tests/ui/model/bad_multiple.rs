use catena::model;

#[model]
pub struct Task {
    #[check(multiple_of = 0)]
    pub zero: i32,
    #[check(multiple_of = 0.5)]
    pub half: i32,
    #[check(items = -1..)]
    pub tags: Vec<String>,
}

fn main() {}

// 3 mistakes
