use catena::model;

diesel::table! {
    tasks (id) {
        id -> Integer,
        title -> Text,
    }
}

#[model(table = tasks, omit(id, title, id))]
pub struct Task {
    pub title: String,
}

fn main() {}

// 2 mistakes
