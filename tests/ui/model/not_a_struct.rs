use catena::model;

#[model]
pub struct Point(pub f64, pub f64);

#[model]
pub struct Nothing;

#[model]
pub union Bits {
    pub a: u8,
    pub b: i8,
}

#[model]
pub fn task() {}

fn main() {}

// 4 mistakes
