use catena::model;

#[model]
pub enum Untagged {
    Created { id: i32 },
    Deleted,
}

#[model(tag = "type", db)]
pub enum Stored {
    Low,
}

#[model(tag = "type")]
pub enum Event {
    Created {
        #[model(rename = "type")]
        kind: String,
        id: i32,
        #[model(rename = "id")]
        other: i32,
    },
    Pair(String, String),
    Renamed(#[check(len = 1..)] String),
    #[check(len = 1..)]
    Gone,
    #[model(rename = "gone")]
    Deleted,
}

#[model(tag = "type")]
pub struct NoEnum {
    pub id: i32,
}

fn main() {}

// 9 mistakes
