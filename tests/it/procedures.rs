//! What `#[procedure]` can say, as callers meet it: a library of books, whose procedures are all in here.

#[path = "procedures/outputs.rs"]
mod outputs;
#[path = "procedures/paths.rs"]
mod paths;
#[path = "procedures/problems.rs"]
mod problems;
#[path = "procedures/shapes.rs"]
mod shapes;
#[path = "procedures/support.rs"]
mod support;
