//! The type parameters of a model: each stands for a type with a schema.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{GenericParam, Generics, Ident, Path, WhereClause, parse_quote};

use crate::{errors::Errors, signature::source};

/// The parameters of a model, which may be none.
pub(crate) struct Parameters {
    generics: Generics,
}

impl Parameters {
    /// Reads the parameters of a struct; reports those that a model cannot have and answers `None` then.
    pub(crate) fn new(generics: &Generics, errors: &mut Errors) -> Option<Self> {
        let before = errors.len();
        for parameter in &generics.params {
            match parameter {
                GenericParam::Type(_) => {}
                GenericParam::Lifetime(lifetime) => errors.push(
                    lifetime,
                    format_args!("a model owns its values: remove `{}`, and write `String` for `&str`", lifetime.lifetime),
                ),
                GenericParam::Const(constant) => errors.push(
                    constant,
                    "a model has parameters for types only: write the value itself, or limit a list by `#[check(items = ..)]`",
                ),
            }
        }
        (errors.len() == before).then(|| Self { generics: generics.clone() })
    }

    /// No parameters.
    pub(crate) fn none() -> Self {
        Self { generics: Generics::default() }
    }

    /// Reports parameters where there can be none; `what` has none.
    pub(crate) fn refuse(generics: &Generics, what: &str, errors: &mut Errors) -> bool {
        if generics.params.is_empty() {
            return false;
        }
        errors.push(
            &generics.params,
            format_args!("{what} has no parameters: write one for each type that is meant"),
        );
        true
    }

    /// Reports parameters of a row.
    pub(crate) fn refuse_table(&self, table: &Path, errors: &mut Errors) {
        if !self.is_empty() {
            let message = format!(
                "a row of `{}` has the types of its columns: remove `table`, or the parameters and write these types",
                source(table)
            );
            errors.push(&self.generics.params, message);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.generics.params.is_empty()
    }

    /// The names of the types.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Ident> {
        self.generics.type_params().map(|parameter| &parameter.ident)
    }

    /// `<T>`, or nothing.
    pub(crate) fn arguments(&self) -> TokenStream {
        self.generics.split_for_impl().1.to_token_stream()
    }

    /// What stands between the angle brackets of an `impl` and in its `where`: as it was written, and every type has
    /// a schema and is `also` that.
    pub(crate) fn bounded(&self, also: Option<&Path>) -> (TokenStream, Option<WhereClause>) {
        let mut generics = self.generics.clone();
        for parameter in generics.type_params_mut() {
            parameter.default = None;
            parameter.bounds.push(parse_quote!(::catena::__private::model::Schema));
            if let Some(also) = also {
                parameter.bounds.push(parse_quote!(#also));
            }
        }
        let parameters = &generics.params;
        (quote!(#parameters), generics.where_clause)
    }
}
