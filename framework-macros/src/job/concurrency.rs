//! The options of `concurrency(..)`.

use darling::{FromMeta, ast::NestedMeta};
use proc_macro2::Ident;
use syn::{Expr, ExprLit, Lit};

use super::unique::{Arguments, fields};
use crate::errors::Errors;

/// What was typed: a limit, and perhaps the fields by which jobs are told apart.
pub(crate) struct Typed(Arguments);

impl FromMeta for Typed {
    fn from_list(items: &[NestedMeta]) -> darling::Result<Self> {
        let is_by = |item: &NestedMeta| matches!(item, NestedMeta::Meta(meta) if meta.path().is_ident("by"));
        if items.iter().all(is_by) {
            return Err(darling::Error::missing_field("limit"));
        }
        Arguments::from_list(items).map(Self)
    }
}

/// How many jobs that are alike may run at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Concurrency {
    /// The fields that make jobs alike; all of the kind are if there are none.
    pub(crate) by: Vec<Ident>,
    pub(crate) limit: u16,
}

const MOST: u16 = 1000;

impl Concurrency {
    const EXAMPLES: &[&str] = &["by = [account]", "limit = 1"];

    /// Reads what was typed and reports its mistakes.
    pub(crate) fn new(typed: &Typed, errors: &mut Errors) -> Self {
        let mut concurrency = Self { by: Vec::new(), limit: 1 };
        typed.0.each("concurrency", Self::EXAMPLES, errors, |name, value, errors| match name {
            "by" => concurrency.by = fields(value, errors),
            _ => concurrency.limit = limit(value, errors),
        });
        concurrency
    }
}

fn limit(typed: &Expr, errors: &mut Errors) -> u16 {
    let number = match typed {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        _ => None,
    };
    number.filter(|limit| (1..=MOST).contains(limit)).unwrap_or_else(|| {
        errors.push(typed, format_args!("from 1 to {MOST} jobs may run at once: write `limit = 1`"));
        1
    })
}
