use catena::model;

diesel::table! {
    tasks (id) {
        id -> Integer,
        title -> Text,
    }
}

#[model(table = tasks)]
pub struct Task {
    pub id: i32,
    pub title: i32,
}

fn main() {}

// Mend: `pub title: String`: the type of the column.
