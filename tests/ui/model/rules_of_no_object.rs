use catena::{Check, Failures, model};

#[model]
pub struct Email(String);

impl Check for Email {
    fn check(&self, failures: &mut Failures) {
        failures.add("", "must be known");
    }
}

pub struct Plain {
    pub text: String,
}

impl Check for Plain {
    fn check(&self, failures: &mut Failures) {
        failures.add("text", "must be known");
    }
}

fn main() {}

// 2 mistakes
