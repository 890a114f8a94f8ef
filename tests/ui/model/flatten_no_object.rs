use catena::model;

#[model]
pub struct Search {
    #[model(flatten)]
    pub tags: Vec<String>,
}

fn main() {}
