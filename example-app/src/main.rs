//! The program: see `lib.rs`.
fn main() -> std::process::ExitCode {
    example_app::app().run()
}
