use catena::model;

diesel::table! {
    tasks (id) {
        id -> Integer,
        title -> Text,
        due_at -> Nullable<Timestamptz>,
        #[sql_name = "type"]
        kind -> Text,
    }
}

#[model(table = tasks, omit(due_at, kind, owner_id))]
pub struct Task {
    pub id: i32,
    pub title: String,
}

fn main() {}

// Mend: `omit(due_at, kind)`: only what is a column of the table.
