use catena::Problem;

#[derive(Problem)]
pub enum EditError {
    #[problem(other)]
    Other(std::io::Error),
}

fn main() {}

// 1 mistake, 2 messages
// Mend: `Other(catena::Error)`.
