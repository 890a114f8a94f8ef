use catena::model;

#[model]
pub struct Task {
    #[check(multiple_of = 5)]
    pub price: f64,
}

fn main() {}

// Mend: `pub price: i64`, in cents, or no such check.
