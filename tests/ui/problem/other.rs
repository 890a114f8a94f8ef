use catena::{Error, Problem};

#[derive(Problem)]
pub enum Without {
    #[problem(status = 409, code = "done")]
    Done,
}

#[derive(Problem)]
pub enum Twice {
    #[problem(other)]
    One(Error),
    #[problem(other)]
    Two(Error),
}

#[derive(Problem)]
pub struct NoEnum;

#[derive(Problem)]
pub enum Generic<T> {
    #[problem(other)]
    Other(T),
}

fn main() {}

// 4 mistakes
