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

#[model(table = tasks, pick, insert)]
pub struct NewTask {
    pub title: String,
}

#[model(table = tasks, pick, omit(id))]
pub struct Title {
    pub title: String,
}

#[model(pick)]
pub struct Id {
    pub id: i32,
}

fn main() {}

// 3 mistakes
