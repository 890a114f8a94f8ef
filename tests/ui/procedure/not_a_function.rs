use catena::{procedure};

#[procedure(tier = "public")]
struct Create;

fn main() {}
