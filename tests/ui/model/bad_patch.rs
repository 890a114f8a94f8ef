use catena::{Patch, model};

diesel::table! {
    tasks (id) {
        id -> Integer,
        title -> Text,
        notes -> Nullable<Text>,
    }
}

#[model(table = tasks, patch)]
pub struct Plain {
    pub title: String,
    pub notes: Patch<String>,
}

#[model(table = tasks, patch, insert, pick, omit(id))]
pub struct All {
    pub title: Option<String>,
}

#[model(patch)]
pub struct Nowhere {
    pub title: Option<String>,
}

#[model(table = tasks, patch)]
pub struct Empty {}

#[model(table = tasks, patch)]
pub struct Defaulted {
    #[model(default)]
    pub notes: Patch<String>,
}

fn main() {}

// 9 mistakes
