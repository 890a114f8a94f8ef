//! What a use of `#[job]` means, and its rules.

use croner::parser::{CronParser, Seconds, Year};
use proc_macro2::TokenStream;
use syn::{Attribute, LitInt, LitStr, Type, Visibility};

use super::{backoff::Backoff, parse::Options};
use crate::{
    docs,
    errors::Errors,
    options::Typed,
    signature::{Kind, Signature, conditions},
};

const KIND: Kind = Kind {
    thing: "job",
    context: "JobCtx",
    parameter: "job: &JobCtx",
    other_context: "Ctx",
    input: "argument",
};

const DEFAULT_RETRIES: u16 = 5;
const MOST_RETRIES: u16 = 1000;

pub(crate) struct Job {
    pub(crate) visibility: Visibility,
    /// The `#[cfg]`s of the function.
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) signature: Signature,
    pub(crate) doc: String,
    pub(crate) cron: Option<String>,
    pub(crate) retries: u16,
    pub(crate) backoff: Option<Backoff>,
}

impl Job {
    /// Reads a use and reports its mistakes; `None` if the function's types cannot be told.
    pub(crate) fn new(typed: &Typed<Options>, item: &TokenStream, errors: &mut Errors) -> Option<Self> {
        let options = &typed.options;
        let cron = options.cron.as_ref().and_then(|typed| cron(typed, errors));
        let retries = options.retries.as_ref().map_or(DEFAULT_RETRIES, |typed| retries(typed, errors));
        let backoff = options.backoff.as_ref().and_then(|typed| backoff(typed, errors));
        let function = KIND.function(item, errors)?;
        let signature = KIND.signature(&function, &[], errors)?;
        if !matches!(&signature.output, Type::Tuple(unit) if unit.elems.is_empty()) {
            errors.push(&signature.output, "nobody waits for what a job returns: write `Result<()>`");
        }
        if let (Some(_), Some(input)) = (&options.cron, signature.input()) {
            let message =
                "a job with `cron` is enqueued by itself, with no arguments: remove these, or remove `cron`";
            errors.push(input, message);
        }
        Some(Self {
            visibility: function.vis,
            conditions: conditions(&function.attrs),
            signature,
            doc: docs::text(&function.attrs),
            cron,
            retries,
            backoff,
        })
    }
}

/// The fields of a cron expression, and what may stand in them.
const CRON_FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7 or SUN to SAT"),
];

fn cron(typed: &LitStr, errors: &mut Errors) -> Option<String> {
    let text = typed.value();
    let fields: Vec<_> = text.split_whitespace().collect();
    if fields.len() != CRON_FIELDS.len() {
        let names = CRON_FIELDS.map(|(name, _)| name).join(", ");
        let count = fields.len();
        let message = format!(
            "a cron expression has five fields ({names}), not {count}: write \"0 3 * * *\" for 03:00 UTC every day"
        );
        errors.push(typed, message);
        return None;
    }
    let is_cron = |text: &str| {
        CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(text).is_ok()
    };
    if is_cron(&text) {
        return Some(text);
    }
    let nothing_before = errors.len();
    for (at, (field, (name, values))) in fields.iter().zip(CRON_FIELDS).enumerate() {
        let mut alone = ["*"; CRON_FIELDS.len()];
        alone[at] = field;
        if !is_cron(&alone.join(" ")) {
            errors.push(
                typed,
                format_args!("`{field}` is no {name}: write {values}, a list, a range or a step"),
            );
        }
    }
    if errors.len() == nothing_before {
        errors.push(typed, "these fields do not go together: write \"0 3 * * *\" for 03:00 UTC every day");
    }
    None
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
