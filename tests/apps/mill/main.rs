//! An application with jobs of every sort that write down what they did, for tests in which everything around it fails.

mod jobs;
mod produce;

use std::process::ExitCode;

fn main() -> ExitCode {
    catena::app!("apps/mill/migrations").run()
}

diesel::table! {
    wanted (number) {
        number -> BigInt,
        sort -> Text,
        parts -> Integer,
    }
}

diesel::table! {
    effects (number) {
        number -> BigInt,
        part -> Integer,
        process -> Integer,
    }
}
