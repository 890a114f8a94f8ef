use catena::model;

#[model]
pub enum Shape {
    Circle(f64),
    Square { side: f64 },
}

#[model]
pub enum Priority {
    Low,
    #[model(rename = "low")]
    High,
    #[secret]
    Hidden,
    #[model(renamed = "top")]
    Top,
}

#[model]
pub enum Never {}

#[model(table = tasks)]
pub enum Row {
    One,
}

fn main() {}

// 7 mistakes
