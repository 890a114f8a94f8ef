use catena::job;

#[job]
struct Send;

fn main() {}
