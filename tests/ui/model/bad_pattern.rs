use catena::model;

#[model]
pub struct Task {
    #[check(pattern = "^[a-z")]
    pub unclosed: String,
    #[check(pattern = r"^a(?P<rest>.*)\z")]
    pub named: String,
    #[check(pattern = 5)]
    pub number: String,
}

fn main() {}

// 3 mistakes
// Mend: `pattern = "^[a-z]+$"`: close what is opened, and keep to what JavaScript reads too.
