//! `path = "/api/tasks/{id}"`, and the arguments that its parameters are.

use syn::{FnArg, ItemFn, LitStr, Pat, ext::IdentExt as _, parse::Parser as _};

use crate::{
    errors::{Errors, nearest},
    signature::{Kind, last_segment, source},
};

/// A path as it was typed.
pub(crate) struct Path {
    typed: LitStr,
    /// The names of its parameters, in order.
    parameters: Vec<String>,
}

impl Path {
    /// Reads a path and reports what is wrong with it.
    pub(crate) fn new(typed: &LitStr, errors: &mut Errors) -> Self {
        let text = typed.value();
        let mut path = Self { typed: typed.clone(), parameters: Vec::new() };
        let Some(below) = text.strip_prefix('/') else {
            errors.push(typed, format_args!("a path begins with `/`: write `\"/{text}\"`"));
            text.split('/').for_each(|segment| path.read(segment, &mut Errors::default()));
            return path;
        };
        if text.ends_with('/') {
            let text = text.trim_end_matches('/');
            let hint = if text.is_empty() { "/api/tasks" } else { text };
            errors.push(typed, format_args!("a path ends with a name: write `\"{hint}\"`"));
        } else if text.contains("//") {
            let message = "a path has something between its slashes: remove one of `//`";
            errors.push(typed, message);
        }
        below.split('/').filter(|segment| !segment.is_empty()).for_each(|segment| path.read(segment, errors));
        path
    }

    /// The path's text.
    pub(crate) fn text(&self) -> String {
        self.typed.value()
    }

    /// Reads what stands between two slashes.
    fn read(&mut self, segment: &str, errors: &mut Errors) {
        const CHARACTERS: &str = "letters, digits, `-`, `_`, `.` and `~`";
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        let braced = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match (braced, segment.strip_prefix(':')) {
            (Some(name), _) if syn::Ident::parse_any.parse_str(name).is_ok() => self.add(name, errors),
            (Some(name), _) => {
                let message =
                    format!("`{{{name}}}` is no parameter: name it like an argument, as in `{{id}}`");
                errors.push(&self.typed, message);
            }
            (None, Some(name)) => {
                errors.push(
                    &self.typed,
                    format_args!("a parameter stands in braces: write `{{{name}}}` for `:{name}`"),
                );
                self.add(name, &mut Errors::default());
            }
            (None, None) if segment.contains(['{', '}']) => {
                let message =
                    format!("a parameter is all that stands between two slashes: take `{segment}` apart");
                errors.push(&self.typed, message);
            }
            (None, None) if !segment.chars().all(is_plain) => {
                errors.push(
                    &self.typed,
                    format_args!("`{segment}` cannot stand in a path: it has {CHARACTERS}"),
                );
            }
            (None, None) => {}
        }
    }

    fn add(&mut self, name: &str, errors: &mut Errors) {
        if self.parameters.iter().any(|known| known == name) {
            errors.push(&self.typed, format_args!("the path has `{{{name}}}` twice: give each its own name"));
        } else {
            self.parameters.push(name.to_owned());
        }
    }

    /// Finds the arguments that stand in the path and reports parameters without one, and the reverse.
    ///
    /// Returns their names, with those of arguments that were surely meant to be in the path.
    pub(crate) fn arguments(&self, kind: &Kind, function: &ItemFn, errors: &mut Errors) -> Vec<String> {
        let arguments: Vec<_> = named(kind, function).collect();
        let mut missing: Vec<_> = self
            .parameters
            .iter()
            .map(String::as_str)
            .filter(|parameter| arguments.iter().all(|argument| argument.name != *parameter))
            .collect();
        let mut names = self.parameters.clone();
        for stray in arguments.iter().filter(|each| each.is_plain && !self.parameters.contains(&each.name)) {
            let name = &stray.name;
            let meant = nearest(name, missing.iter().copied()).or(missing.first().copied());
            let message = match meant {
                Some(meant) => {
                    missing.retain(|parameter| *parameter != meant);
                    format!("the path has `{{{meant}}}`, but no `{{{name}}}`: give both the same name")
                }
                None => {
                    format!("the path has no `{{{name}}}`: write it into the path, or remove the argument")
                }
            };
            errors.push(stray.whole, message);
            names.push(name.clone());
        }
        for parameter in missing {
            let message = format!(
                "the path has `{{{parameter}}}`, but `{}` has no such argument: add `{parameter}: Uuid`",
                function.sig.ident
            );
            errors.push(&self.typed, message);
        }
        names
    }
}

/// An argument with a name.
struct Named<'a> {
    name: String,
    whole: &'a FnArg,
    /// Whether its type is one that stands in paths, and seldom anywhere else.
    is_plain: bool,
}

/// The arguments with names, without the context.
fn named<'a>(kind: &Kind, function: &'a ItemFn) -> impl Iterator<Item = Named<'a>> {
    const PLAIN: [&str; 8] = ["Uuid", "String", "bool", "i16", "i32", "i64", "u16", "u32"];
    function.sig.inputs.iter().filter_map(|whole| {
        let FnArg::Typed(typed) = whole else { return None };
        let Pat::Ident(name) = &*typed.pat else { return None };
        let is_plain =
            last_segment(&typed.ty).is_some_and(|segment| PLAIN.contains(&source(segment).as_str()));
        let name = name.ident.unraw().to_string();
        (!kind.is_context(&typed.ty)).then_some(Named { name, whole, is_plain })
    })
}

/// The names of the arguments that stand in a path which cannot be read, as far as their types tell.
pub(crate) fn likely_arguments(kind: &Kind, function: &ItemFn) -> Vec<String> {
    named(kind, function).filter(|each| each.is_plain).map(|each| each.name).collect()
}
