use catena::model;

#[model(tabel = tasks, insert)]
pub struct Task {
    pub title: String,
}

#[model(strict)]
pub struct Note {
    pub text: String,
}

fn main() {}

// 2 mistakes
