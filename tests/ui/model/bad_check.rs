use catena::model;

#[model]
pub struct Task {
    #[check(length = 1..=200)]
    pub unknown: String,
    #[check(len = 1.., len = ..=5)]
    pub twice: String,
    #[check]
    pub empty: String,
    #[check("1..=5")]
    pub nameless: String,
}

fn main() {}

// 4 mistakes
