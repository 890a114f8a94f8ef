use catena::Problem;

#[derive(Problem)]
pub enum EditError {
    #[problem(stats = 409, cod = "done", titel = "Done")]
    Done,
    #[problem(othr)]
    Other(catena::Error),
}

fn main() {}

// 4 mistakes
