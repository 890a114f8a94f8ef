use catena::{Patch, model};

diesel::table! {
    tasks (id) {
        id -> Integer,
        title -> Text,
    }
}

#[model]
pub struct PageQuery {
    pub limit: i32,
}

#[model]
pub struct Search<T> {
    #[model(flatten)]
    pub page: Option<PageQuery>,
    #[model(flatten, rename = "more")]
    #[check(len = 1..)]
    pub more: PageQuery,
    #[model(flatten)]
    pub other: T,
}

#[model(table = tasks, patch)]
pub struct EditTask {
    pub title: Patch<String>,
    #[model(flatten)]
    pub page: PageQuery,
}

fn main() {}

// 5 mistakes
// Mend: `#[model(flatten)] pub page: PageQuery`, with nothing else said of the field.
