//! What the compiler says to those who make a mistake with an attribute. `hygiene/` has what is no mistake.
//!
//! `TRYBUILD=overwrite cargo test -p catena-tests --test ui` writes the messages anew; read them as a user would.

#[test]
fn mistakes_have_helpful_messages() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/model/*.rs");
    cases.compile_fail("ui/procedure/*.rs");
    cases.compile_fail("ui/problem/*.rs");
    cases.compile_fail("ui/job/*.rs");
}
