//! Numbers for everybody.

use catena::model;

/// How much there is to do in all.
#[model]
pub struct Summary {
    /// All tasks.
    pub tasks: i64,
    /// Those that are done.
    pub done: i64,
}
