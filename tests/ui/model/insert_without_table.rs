use catena::model;

#[model(insert, omit(id))]
pub struct NewTask {
    pub title: String,
}

fn main() {}

// 2 mistakes
