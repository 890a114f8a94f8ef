//! `embed_migrations!` does not see a new folder by itself.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
