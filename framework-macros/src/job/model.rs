//! What a use of `#[job]` means, and its rules.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::{Attribute, LitInt, LitStr, Path, Type, Visibility};

use super::{backoff::Backoff, concurrency::Concurrency, parse::Options, schedule::Schedule, unique::Unique};
use crate::{
    docs,
    errors::{Errors, nearest},
    options::Typed,
    signature::{Kind, Signature, conditions, source},
    units::duration_up_to,
};

const KIND: Kind = Kind {
    thing: "job",
    context: "JobCtx",
    parameter: "job: &JobCtx",
    other_context: "Ctx",
    input: "argument",
    plain: Err(", or `#[job(blocking)]` above it, if it computes and awaits nothing"),
};

const DEFAULT_QUEUE: &str = "default";
const LONGEST_QUEUE: usize = 100;
const LOWEST_PRIORITY: u8 = 3;
const LONGEST_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const LATEST_VERSION: u16 = 32767;

const DEFAULT_RETRIES: u16 = 5;
const MOST_RETRIES: u16 = 1000;

pub(crate) struct Job {
    pub(crate) visibility: Visibility,
    /// The `#[cfg]`s of the function.
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) signature: Signature,
    pub(crate) doc: String,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) retries: u16,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) blocking: bool,
    pub(crate) queue: String,
    pub(crate) priority: u8,
    pub(crate) keep: Keep,
    pub(crate) unique: Option<Unique>,
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) version: u16,
    /// What reads the arguments of older versions.
    pub(crate) upgrade: Option<Path>,
}

/// Which completed jobs stay in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    All,
    Failures,
    None,
}

impl Job {
    /// Reads a use and reports its mistakes; `None` if the function's types cannot be told.
    pub(crate) fn new(typed: &Typed<Options>, item: &TokenStream, errors: &mut Errors) -> Option<Self> {
        let options = &typed.options;
        let schedule = Schedule::new(typed, errors);
        let retries = options.retries.as_ref().map_or(DEFAULT_RETRIES, |typed| retries(typed, errors));
        let backoff = options.backoff.as_ref().and_then(|typed| backoff(typed, errors));
        let timeout = options.timeout.as_ref().and_then(|typed| timeout(typed, errors));
        let queue = options.queue.as_ref().and_then(|typed| queue(typed, errors));
        let priority = options.priority.as_ref().map_or(0, |typed| priority(typed, errors));
        let keep = options.keep.as_ref().map_or(Keep::All, |typed| keep(typed, errors));
        let mut unique = options.unique.as_ref().map(|typed| Unique::new(typed, errors));
        let mut concurrency = options.concurrency.as_ref().map(|typed| Concurrency::new(typed, errors));
        let blocking = options.blocking.is_present();
        let is_meant = blocking || typed.misread.contains(&"blocking");
        let kind = if is_meant { Kind { plain: Ok(()), ..KIND } } else { KIND };
        let function = kind.function(item, errors)?;
        let signature = kind.signature(&function, &[], errors)?;
        if !matches!(&signature.output, Type::Tuple(unit) if unit.elems.is_empty()) {
            errors.push(&signature.output, "nobody waits for what a job returns: write `Result<()>`");
        }
        if let (Some(_), Some(input)) = (&options.cron, signature.input()) {
            let message =
                "a job with `cron` is enqueued by itself, with no arguments: remove these, or remove `cron`";
            errors.push(input, message);
        }
        if signature.input().is_none() {
            let by_unique = unique.as_mut().map(|unique| (&mut unique.by, "unique` alone"));
            let by_concurrency =
                concurrency.as_mut().map(|concurrency| (&mut concurrency.by, "concurrency(limit = 1)`"));
            for (by, instead) in [by_unique, by_concurrency].into_iter().flatten() {
                if let Some(field) = by.first() {
                    let message = format!(
                        "this job takes no arguments, so there is nothing to choose from: write `{instead}"
                    );
                    errors.push(field, message);
                }
                by.clear();
            }
        }
        let version = version(typed, signature.input(), errors);
        Some(Self {
            visibility: function.vis,
            conditions: conditions(&function.attrs),
            signature,
            doc: docs::text(&function.attrs),
            schedule,
            retries,
            backoff,
            timeout,
            blocking,
            queue: queue.unwrap_or_else(|| DEFAULT_QUEUE.to_owned()),
            priority,
            keep,
            unique,
            concurrency,
            version,
            upgrade: options.upgrade.clone(),
        })
    }
}

fn retries(typed: &LitInt, errors: &mut Errors) -> u16 {
    typed.base10_parse().ok().filter(|retries| *retries <= MOST_RETRIES).unwrap_or_else(|| {
        errors.push(
            typed,
            format_args!(
                "retries are a number from 0 to {MOST_RETRIES}: write `retries = {DEFAULT_RETRIES}`"
            ),
        );
        DEFAULT_RETRIES
    })
}

fn backoff(typed: &LitStr, errors: &mut Errors) -> Option<Backoff> {
    Backoff::parse(&typed.value()).map_err(|message| errors.push(typed, message)).ok()
}

fn timeout(typed: &LitStr, errors: &mut Errors) -> Option<Duration> {
    let message = "an attempt takes from `1ms` to `7d`: write `timeout = \"30s\"`";
    duration_up_to(LONGEST_TIMEOUT, message, typed, errors)
}

fn queue(typed: &LitStr, errors: &mut Errors) -> Option<String> {
    let name = typed.value();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if (1..=LONGEST_QUEUE).contains(&name.len()) && name.chars().all(is_plain) {
        return Some(name);
    }
    let message = format!(
        "`{name}` is no name of a queue: write 1 to {LONGEST_QUEUE} small letters, digits, `_` or `-`, as in \
         `queue = \"mail\"`"
    );
    errors.push(typed, message);
    None
}

fn priority(typed: &LitInt, errors: &mut Errors) -> u8 {
    typed.base10_parse().ok().filter(|priority| *priority <= LOWEST_PRIORITY).unwrap_or_else(|| {
        errors.push(
            typed,
            format_args!("a priority is from 0, first, to {LOWEST_PRIORITY}, last: write `priority = 1`"),
        );
        0
    })
}

fn keep(typed: &LitStr, errors: &mut Errors) -> Keep {
    let text = typed.value();
    match &text[..] {
        "all" => Keep::All,
        "failures" => Keep::Failures,
        "none" => Keep::None,
        other => {
            const FORMS: &str =
                "write \"all\", \"failures\", which keeps those that failed before, or \"none\"";
            let hint = nearest(other, ["all", "failures", "none"])
                .map_or_else(|| FORMS.to_owned(), |name| format!("did you mean `{name}`?"));
            errors.push(typed, format_args!("completed jobs are not kept by `{other}`: {hint}"));
            Keep::All
        }
    }
}

/// The version of the arguments, which has a way to read older ones unless it is the first.
fn version(typed: &Typed<Options>, input: Option<&Type>, errors: &mut Errors) -> u16 {
    let Options { version, upgrade, .. } = &typed.options;
    let number = version.as_ref().map(|version| match version.base10_parse() {
        Ok(number @ 1..=LATEST_VERSION) => number,
        _ => {
            let message = format!("a version is a number from 1 to {LATEST_VERSION}: write `version = 2`");
            errors.push(version, message);
            2
        }
    });
    let Some(input) = input else {
        if let Some(version) = version {
            errors.push(version, "a job without arguments has no versions of them: remove `version`");
        }
        if let Some(upgrade) = upgrade {
            errors.push(upgrade, "a job without arguments has none to upgrade: remove `upgrade`");
        }
        return 1;
    };
    match (version, upgrade) {
        (Some(version), None) if number > Some(1) && !typed.misread.contains(&"upgrade") => {
            let message = format!(
                "arguments of older versions may still wait: add `upgrade = read_older`, the name of a \
                 `fn(version: u16, args: OldArgs) -> Result<{}>`",
                source(input)
            );
            errors.push(version, message);
        }
        (_, Some(upgrade)) if number.unwrap_or(1) == 1 && !typed.misread.contains(&"version") => {
            errors.push(
                upgrade,
                "these arguments are the first version: add `version = 2`, or remove `upgrade`",
            );
        }
        _ => {}
    }
    number.unwrap_or(1)
}
