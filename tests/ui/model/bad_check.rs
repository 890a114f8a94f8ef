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
    #[check(email, url)]
    pub both: String,
    #[check(custom = |text: &String| Ok(()))]
    pub closure: String,
}

fn main() {}

// 6 mistakes
