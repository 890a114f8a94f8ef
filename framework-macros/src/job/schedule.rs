//! The grammar of `cron = ".."`, `tz = ".."` and `misfire = ".."`.

use chrono_tz::{TZ_VARIANTS, Tz};
use croner::{
    Cron, Weekday,
    parser::{CronParser, Seconds, Year},
    time::days_in_month,
};
use proc_macro2::{Ident, Span};
use syn::LitStr;

use super::parse::Options;
use crate::{
    errors::{Errors, nearest},
    options::Typed,
};

/// When a job is enqueued by itself.
pub(crate) struct Schedule {
    pub(crate) cron: String,
    pub(crate) tz: String,
    pub(crate) misfire: Misfire,
}

/// What becomes of the fires that nobody was there for.
#[derive(Clone, Copy)]
pub(crate) enum Misfire {
    Last,
    All,
    Skip,
}

impl Schedule {
    /// Reads the three options and reports their mistakes; `None` without a sound `cron`.
    pub(super) fn new(typed: &Typed<Options>, errors: &mut Errors) -> Option<Self> {
        let Typed { options: Options { cron, tz, misfire, .. }, misread } = typed;
        if cron.is_none() && !misread.contains(&"cron") {
            let mut alone = |name: &str, option: Option<&LitStr>| {
                if let Some(option) = option {
                    let message = format!(
                        "`{name}` goes with `cron`, which this job does not have: add `cron = \"0 3 * * *\"`, or remove \
                         `{name}`"
                    );
                    errors.push(option, message);
                }
            };
            alone("tz", tz.as_ref());
            alone("misfire", misfire.as_ref());
            return None;
        }
        let expression = cron.as_ref().and_then(|typed| expression(typed, errors));
        let tz = tz.as_ref().map_or_else(|| Some("UTC".to_owned()), |typed| zone(typed, errors));
        let misfire = misfire.as_ref().map_or(Some(Misfire::Last), |typed| Misfire::parse(typed, errors));
        Some(Self { cron: expression?, tz: tz?, misfire: misfire? })
    }
}

impl Misfire {
    fn parse(typed: &LitStr, errors: &mut Errors) -> Option<Self> {
        match typed.value().as_str() {
            "last" => Some(Self::Last),
            "all" => Some(Self::All),
            "skip" => Some(Self::Skip),
            other => {
                let message = format!(
                    "`{other}` is no way to make up for missed fires: write `misfire = \"last\"` for the last of them, \
                     \"all\" for each, or \"skip\" for none"
                );
                errors.push(typed, message);
                None
            }
        }
    }

    /// The name of the variant.
    pub(super) fn variant(self) -> Ident {
        let name = match self {
            Self::Last => "Last",
            Self::All => "All",
            Self::Skip => "Skip",
        };
        Ident::new(name, Span::call_site())
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

fn expression(typed: &LitStr, errors: &mut Errors) -> Option<String> {
    let text = typed.value();
    let fields: Vec<_> = text.split_whitespace().collect();
    if fields.len() != CRON_FIELDS.len() {
        let names = CRON_FIELDS.map(|(name, _)| name).join(", ");
        let count = fields.len();
        let message = format!(
            "a cron expression has five fields ({names}), not {count}: write \"0 3 * * *\" for 03:00 every day"
        );
        errors.push(typed, message);
        return None;
    }
    if let Some(cron) = parse(&text) {
        if fires(&cron) {
            return Some(text);
        }
        let message = format!(
            "`{text}` never fires, as no such day ever comes: write \"0 3 * * *\" for 03:00 every day"
        );
        errors.push(typed, message);
        return None;
    }
    let nothing_before = errors.len();
    for (at, (field, (name, values))) in fields.iter().zip(CRON_FIELDS).enumerate() {
        let mut alone = ["*"; CRON_FIELDS.len()];
        alone[at] = field;
        if parse(&alone.join(" ")).is_none() {
            errors.push(
                typed,
                format_args!("`{field}` is no {name}: write {values}, a list, a range or a step"),
            );
        }
    }
    if errors.len() == nothing_before {
        errors.push(typed, "these fields do not go together: write \"0 3 * * *\" for 03:00 every day");
    }
    None
}

fn parse(text: &str) -> Option<Cron> {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(text).ok()
}

/// Whether there is a day on which it fires. Within these forty years every day of a year has been every day of the
/// week, the 29th of February too.
fn fires(cron: &Cron) -> bool {
    // The first of January 2000 was a Saturday.
    let mut weekday = Weekday::Saturday;
    for year in 2000..2040 {
        for month in 1..=12 {
            for day in 1..=days_in_month(year, month) {
                let is_month = cron.pattern.month_match(month).unwrap_or(false);
                if is_month && cron.pattern.day_match(year, month, day, weekday).unwrap_or(false) {
                    return true;
                }
                weekday = weekday.shift(1);
            }
        }
    }
    false
}

fn zone(typed: &LitStr, errors: &mut Errors) -> Option<String> {
    let name = typed.value();
    if name.parse::<Tz>().is_ok() {
        return Some(name);
    }
    let message = match meant(&name) {
        Some(meant) => format!("there is no time zone `{name}`; did you mean `{meant}`?"),
        None => format!(
            "there is no time zone `{name}`: write a name of the IANA's, as in `tz = \"Europe/Berlin\"`"
        ),
    };
    errors.push(typed, message);
    None
}

/// The zone that was probably meant: by its city alone, in another case, or with a slip.
fn meant(typed: &str) -> Option<&'static str> {
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
    let plain = typed.trim().replace(' ', "_");
    let is_meant = |name: &&str| {
        let city = name.rsplit('/').next().unwrap_or_default();
        name.eq_ignore_ascii_case(&plain) || city.eq_ignore_ascii_case(&plain)
    };
    names().find(is_meant).or_else(|| nearest(&plain, names()))
}
