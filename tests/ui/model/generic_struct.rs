use catena::model;

#[model]
pub struct Page<T> {
    pub items: Vec<T>,
}

fn main() {}
