use catena::model;

#[model]
pub enum Order {
    Newest,
    Oldest,
}

#[model]
pub struct Search {
    #[model(default)]
    pub order: Order,
}

fn main() {}

// Mend: `#[model(default = Order::Newest)]`, or `#[derive(Default)]` on `Order`.
