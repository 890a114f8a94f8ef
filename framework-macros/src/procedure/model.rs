//! What a use of `#[procedure]` means, and its rules.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, LitStr, Visibility};

use super::{
    arguments,
    parse::Options,
    path::{self, Path},
};
use crate::{
    docs,
    errors::{Errors, nearest},
    options::Typed,
    signature::{Kind, Signature, conditions, last_segment},
    units,
};

const KIND: Kind = Kind {
    thing: "procedure",
    context: "Ctx",
    parameter: "ctx: &Ctx",
    other_context: "JobCtx",
    input: "input",
    plain: Err(""),
};

/// The three tiers, in one line each.
const TIERS: &str = "`#[procedure(tier = \"public\")]`: anyone may call it
`#[procedure(tier = \"auth\")]`: anyone may call it, to sign in, to sign up and the like
`#[procedure(tier = \"protected\")]`: only signed-in users may call it";

pub(crate) struct Procedure {
    pub(crate) visibility: Visibility,
    /// The `#[cfg]`s of the function.
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) signature: Signature,
    pub(crate) method: Method,
    pub(crate) tier: Tier,
    pub(crate) settings: Settings,
    pub(crate) summary: String,
    pub(crate) description: String,
}

/// What differs from the defaults.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) path: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) body_limit: Option<u32>,
    pub(crate) limit: Option<units::Quota>,
    pub(crate) deprecated: bool,
    pub(crate) hidden: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Clone, Copy)]
pub(crate) enum Tier {
    Public,
    Auth,
    Protected,
}

impl Procedure {
    /// Reads a use and reports its mistakes; `None` if the function's types cannot be told.
    pub(crate) fn new(typed: &Typed<Options>, item: &TokenStream, errors: &mut Errors) -> Option<Self> {
        let Typed { options, misread } = typed;
        let tier = match &options.tier {
            Some(tier) => Tier::new(tier, errors),
            None if misread.contains(&"tier") => None,
            None => {
                let message = format!("a procedure needs a tier: write one of\n{TIERS}");
                errors.push_error(syn::Error::new(Span::call_site(), message));
                None
            }
        };
        let method = Method::new(options, errors);
        let path = options.path.as_ref().map(|typed| Path::new(typed, errors));
        let settings = Settings::new(options, path.as_ref(), errors);
        let function = KIND.function(item, errors)?;
        let in_path = match path {
            Some(path) => path.arguments(&KIND, &function, errors),
            None if misread.contains(&"path") => path::likely_arguments(&KIND, &function),
            None => Vec::new(),
        };
        arguments::check_docs(&function, &in_path, errors);
        let signature = KIND.signature(&function, &in_path, errors)?;
        if let (Method::Delete, Some(input)) = (method, signature.input()) {
            let message = "a `DELETE` has no body: read this from the path, or write `method = \"POST\"`";
            errors.push(input, message);
        }
        let has_user = last_segment(&signature.context).is_some_and(|context| !context.arguments.is_empty());
        let (summary, description) = docs::split(&docs::text(&function.attrs));
        Some(Self {
            visibility: function.vis,
            conditions: conditions(&function.attrs),
            signature,
            method,
            // Without a tier, whatever fits the context: only the types are printed.
            tier: tier.unwrap_or(if has_user { Tier::Protected } else { Tier::Public }),
            settings,
            summary,
            description,
        })
    }
}

impl Settings {
    fn new(options: &Options, path: Option<&Path>, errors: &mut Errors) -> Self {
        let Options { id, tag, timeout, body_limit, limit, .. } = options;
        if let (true, Some(limit)) = (options.query.is_present(), body_limit) {
            errors.push(limit, "a query has no body: remove `body_limit`, or `query`");
        }
        Self {
            path: path.map(Path::text),
            id: id.as_ref().and_then(|typed| checked(typed, operation_id, errors)),
            tag: tag.as_ref().and_then(|typed| checked(typed, heading, errors)),
            timeout: timeout.as_ref().and_then(|typed| checked(typed, time_limit, errors)),
            body_limit: body_limit.as_ref().and_then(|typed| checked(typed, units::size, errors)),
            limit: limit.as_ref().and_then(|typed| checked(typed, units::quota, errors)),
            deprecated: options.deprecated.is_present(),
            hidden: options.hidden.is_present(),
        }
    }
}

/// Reads what was typed and reports what is wrong with it.
fn checked<T>(
    typed: &LitStr,
    read: impl FnOnce(&str) -> Result<T, String>,
    errors: &mut Errors,
) -> Option<T> {
    read(&typed.value()).map_err(|message| errors.push(typed, message)).ok()
}

fn operation_id(text: &str) -> Result<String, String> {
    let is_name = |part: &str| syn::parse_str::<syn::Ident>(part).is_ok() && part.is_ascii();
    if text.split('.').all(is_name) {
        Ok(text.to_owned())
    } else {
        Err(format!("`id = {text:?}` is no operation id: write names joined by `.`, as in `tasks.edit`"))
    }
}

fn heading(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("a tag is a heading: write `tag = \"tasks\"`".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn time_limit(text: &str) -> Result<Duration, String> {
    let limit = units::duration(text)?;
    if limit.is_zero() {
        Err("nothing is done in no time: write `timeout = \"30s\"`".to_owned())
    } else {
        Ok(limit)
    }
}

impl Method {
    const ALL: [(&str, Self); 5] = [
        ("GET", Self::Get),
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("PATCH", Self::Patch),
        ("DELETE", Self::Delete),
    ];

    fn new(options: &Options, errors: &mut Errors) -> Self {
        let default = if options.query.is_present() { Self::Get } else { Self::Post };
        let Some(typed) = &options.method else { return default };
        let value = typed.value();
        let found = Self::ALL.iter().find(|(name, _)| *name == value).map(|(_, method)| *method);
        let message = match found {
            Some(method) if method == default || default == Self::Post && method != Self::Get => {
                return method;
            }
            Some(Self::Get) => "what is called by `GET` only reads: write `query` instead".to_owned(),
            Some(_) => format!("a query is called by `GET`: remove `query`, or `method = \"{value}\"`"),
            None => match nearest(&value.to_uppercase(), Self::ALL.map(|(name, _)| name)) {
                Some(name) => format!("there is no method `{value}`; did you mean `{name}`?"),
                None => format!("there is no method `{value}`: write `POST`, `PUT`, `PATCH` or `DELETE`"),
            },
        };
        errors.push_error(syn::Error::new(typed.span(), message));
        default
    }
}

impl Tier {
    const ALL: [(&str, Self); 3] =
        [("public", Self::Public), ("auth", Self::Auth), ("protected", Self::Protected)];

    fn new(typed: &LitStr, errors: &mut Errors) -> Option<Self> {
        let value = typed.value();
        let found = Self::ALL.iter().find(|(name, _)| *name == value);
        if found.is_none() {
            let hint = nearest(&value, Self::ALL.map(|(name, _)| name));
            let hint =
                hint.map_or_else(|| "write one of".to_owned(), |name| format!("did you mean `{name}`?"));
            errors.push(typed, format_args!("there is no tier `{value}`; {hint}\n{TIERS}"));
        }
        found.map(|(_, tier)| *tier)
    }
}
