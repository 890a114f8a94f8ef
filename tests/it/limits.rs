//! Limits as callers and operators meet them: what is admitted, what is said, and what happens when Redis is away.

mod limits {
    mod boot;
    mod doctor;
    mod faults;
    mod metrics;
    mod monitor;
    #[path = "../../../framework/src/limit/store/tests/server.rs"]
    mod server;
    mod service;
    mod tiers;
    mod trace;
}
