//! The example application, as a process of the tests' own.
fn main() -> std::process::ExitCode {
    example_app::app().run()
}
