use catena::model;

#[model]
pub struct Login {
    #[model(name = "eMail")]
    pub email: String,
    #[model(default = 1)]
    pub tries: Option<i32>,
    #[model(rename = 5)]
    pub number: i32,
    #[model(rename = "email")]
    pub address: String,
}

#[model]
pub struct Reset {
    #[identity]
    pub email: String,
    #[identity]
    pub name: String,
}

#[model(db)]
pub struct Row {
    pub id: i32,
}

fn main() {}

// 6 mistakes
