use catena::model;

#[model]
pub struct Task {
    #[check(len = 1..200)]
    pub exclusive: String,
    #[check(len = 5)]
    pub single: String,
    #[check(len = 200..=1)]
    pub reversed: String,
    #[check(len = ..)]
    pub open: String,
    #[check(len = -1..=5)]
    pub negative: String,
    #[check(range = 1..=MAX)]
    pub named: i32,
    #[check(range = "1..=5")]
    pub quoted: i32,
}

const MAX: i32 = 5;

fn main() {}

// 7 mistakes
