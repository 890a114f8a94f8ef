use catena::model;

#[model]
pub struct Tagged {
    #[model(rename = "type")]
    pub kind: String,
}

#[model(tag = "type")]
pub enum Event {
    Tagged(Tagged),
}

#[model(tag = "type")]
pub enum Text {
    Renamed(String),
}

fn main() {}

// 2 mistakes
// Mend: a variant holds a model with other fields than the tag: `Renamed(Rename)`.
