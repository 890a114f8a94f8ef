use catena::model;

#[model]
pub struct Task {
    #[serde(rename = "name")]
    pub title: String,
}

fn main() {}
