use catena::Problem;

#[derive(Problem)]
pub enum EditError {
    #[problem(status = 200, code = "done")]
    Status,
    #[problem(status = 409, code = "Task Done")]
    Code,
    #[problem(status = 409, code = "gone")]
    Gone,
    #[problem(status = 410, code = "gone")]
    GoneToo,
    #[problem(code = "no_status")]
    NoStatus,
    #[problem(status = 409)]
    NoCode,
    #[problem(status = 409, code = "fields")]
    Fields { left: i32 },
    #[problem(stauts = 409, code = "misspelt")]
    Misspelt,
    Nothing,
    #[problem(other)]
    Other(catena::Error),
}

fn main() {}

// 8 mistakes
