//! What becomes of jobs when everything around them fails: none is lost, and no effect is there twice.
//!
//! Every scenario has a PostgreSQL of its own, real worker processes, and somebody who goes on enqueueing; one thing
//! fails, and is well again; then the ledger is checked. `cargo nextest` runs all of them in seconds each, `tests/faults/run`
//! for as long as it takes and with more and fewer processes, and prints what was seen.

mod ledger;
mod load;
mod postgres;
mod process;
mod proxy;
mod scenarios;
mod scene;
