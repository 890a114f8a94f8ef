use catena::model;

pub struct Money {
    pub cents: i64,
}

#[model]
pub struct Task {
    pub title: String,
    pub price: Option<Money>,
}

fn main() {}
