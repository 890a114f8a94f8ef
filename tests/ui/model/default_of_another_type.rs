use catena::model;

#[model]
pub struct Search {
    #[model(default = 10.5)]
    pub limit: i32,
}

fn main() {}

// Mend: `#[model(default = 10)]`: a value of the field's type.
