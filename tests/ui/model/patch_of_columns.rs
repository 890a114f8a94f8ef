use catena::{Patch, model};

diesel::table! {
    tasks (id) {
        id -> Integer,
        title -> Text,
        notes -> Nullable<Text>,
    }
}

#[model(table = tasks, patch)]
pub struct NotNull {
    pub title: Patch<String>,
}

#[model(table = tasks, patch)]
pub struct AnotherType {
    pub title: Option<i32>,
    pub notes: Patch<bool>,
}

fn main() {}

// 3 mistakes
// Mend: `Option<T>` for a column that is `NOT NULL`, `Patch<T>` for one that may be null, of the type of the column.
