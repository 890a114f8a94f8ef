//! Has a new migration rebuild the application.
fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
