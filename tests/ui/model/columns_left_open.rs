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

#[model(table = tasks, insert, omit(id))]
pub struct NewTask {
    pub title: String,
}

fn main() {}
