//! What is typed in `#[job(..)]`.

use darling::{FromMeta, util::Flag};
use syn::{LitInt, LitStr, Path};

use super::{concurrency, unique::Arguments};

#[derive(Default, FromMeta)]
pub(crate) struct Options {
    pub(crate) cron: Option<LitStr>,
    pub(crate) tz: Option<LitStr>,
    pub(crate) misfire: Option<LitStr>,
    pub(crate) retries: Option<LitInt>,
    pub(crate) backoff: Option<LitStr>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) blocking: Flag,
    pub(crate) queue: Option<LitStr>,
    pub(crate) priority: Option<LitInt>,
    pub(crate) keep: Option<LitStr>,
    pub(crate) unique: Option<Arguments>,
    pub(crate) concurrency: Option<concurrency::Typed>,
    pub(crate) version: Option<LitInt>,
    pub(crate) upgrade: Option<Path>,
}

impl crate::options::Options for Options {
    const ATTRIBUTE: &'static str = "job";
    const EXAMPLES: &'static [&'static str] = &[
        "cron = \"0 3 * * *\"",
        "tz = \"Europe/Berlin\"",
        "misfire = \"last\"",
        "retries = 5",
        "backoff = \"exponential(2s, 1h)\"",
        "timeout = \"30s\"",
        "blocking",
        "queue = \"mail\"",
        "priority = 1",
        "keep = \"failures\"",
        "unique(by = [to], within = \"1h\")",
        "concurrency(by = [account], limit = 1)",
        "version = 2",
        "upgrade = read_older",
    ];
    const SYNONYMS: &'static [(&'static str, &'static str)] =
        &[("timezone", "tz"), ("time_zone", "tz"), ("zone", "tz")];
}
