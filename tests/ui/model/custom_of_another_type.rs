use catena::model;

fn is_even(value: &i32) -> Result<(), &'static str> {
    if value % 2 == 0 { Ok(()) } else { Err("must be even") }
}

fn is_lower(text: &str) -> bool {
    text.chars().all(char::is_lowercase)
}

fn is_upper(text: &str) -> Result<(), u8> {
    if text.chars().all(char::is_uppercase) { Ok(()) } else { Err(1) }
}

#[model]
pub struct Task {
    #[check(custom = is_even)]
    pub title: String,
    #[check(custom = is_even)]
    pub notes: Option<String>,
    #[check(custom = is_lower)]
    pub name: String,
    #[check(custom = is_upper)]
    pub code: String,
    #[check(custom = is_there)]
    pub place: String,
}

fn main() {}

// 5 mistakes
// Mend: `fn is_even(value: &i32) -> Result<(), &'static str>` for a field of type `i32`.
