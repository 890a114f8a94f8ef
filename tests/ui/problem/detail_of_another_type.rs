use catena::Problem;

#[derive(Problem)]
pub enum EditError {
    #[problem(status = 409, code = "too_many")]
    TooMany(i32),
    #[problem(other)]
    Other(catena::Error),
}

fn main() {}

// Mend: `TooMany(String)`, and `EditError::TooMany(format!("{count} are too many"))`.
