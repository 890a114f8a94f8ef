use catena::model;

type Notes = Option<String>;

#[model]
pub struct Task {
    pub notes: Notes,
}

fn main() {}
