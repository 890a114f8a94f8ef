use catena::model;

diesel::table! {
    tasks (id) {
        id -> Integer,
    }
}

#[model]
pub struct Borrowed<'a, T> {
    pub text: &'a str,
    pub more: T,
}

#[model]
pub struct Fixed<const N: usize> {
    pub items: Vec<String>,
}

#[model(table = tasks)]
pub struct Row<T> {
    pub id: T,
}

#[model]
pub struct Wrapper<T>(T);

#[model]
pub enum Level<T> {
    Low,
    High,
}

pub struct NoModel;

#[model]
pub struct Page<T> {
    pub items: Vec<T>,
}

#[model]
pub struct Pages {
    pub page: Page<NoModel>,
}

fn main() {}

// 7 mistakes
// Mend: `pub struct Row<T> { pub row: T }`: parameters for types that have a schema, each of them used.
