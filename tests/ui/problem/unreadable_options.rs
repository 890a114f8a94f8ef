use catena::Problem;

#[derive(Problem)]
pub enum EditError {
    #[problem(status: 409, code = "colon")]
    Colon,
    #[problem(409, code = "no_name")]
    NoName,
    #[problem(status = "409", code = quoted)]
    Quoted,
    #[problem]
    Empty,
    #[problem(other)]
    Other(catena::Error),
}

fn main() {}

// 5 mistakes
