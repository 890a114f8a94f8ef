//! Fields whose own fields stand in their place.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, Meta, Path, Type, spanned::Spanned as _, visit::Visit};

use super::{
    expand::at_start,
    generics::Parameters,
    model::{Field, is_option},
    patch::is_patch,
};
use crate::{errors::Errors, signature::source};

/// Reports what does not go with `flatten` on a field of type `ty`; says whether its fields may be looked for.
pub(crate) fn check(ty: &Type, taken: &[Attribute], errors: &mut Errors) -> bool {
    let named = source(ty);
    let is_wrapped = is_option(ty) || is_patch(ty);
    if is_wrapped {
        errors.push(
            ty,
            "the fields of a flattened model are always there: write its type alone, and `Option` in its fields",
        );
    }
    let is_flatten = |attribute: &Attribute| match &attribute.meta {
        Meta::List(list) if attribute.path().is_ident("model") => {
            list.tokens.to_string().trim_end_matches(',').trim() == "flatten"
        }
        _ => false,
    };
    for attribute in taken.iter().filter(|attribute| !is_flatten(attribute)) {
        errors.push(
            attribute,
            format_args!("a flattened field is none on the wire: say this of the fields of `{named}`"),
        );
    }
    !is_wrapped
}

/// Reports flattened fields that depend on the parameters of their model, and takes them for plain ones then.
pub(crate) fn check_parameters(fields: &mut [Field], parameters: &Parameters, errors: &mut Errors) {
    struct Search<'a>(&'a Parameters, Option<Ident>);

    impl Visit<'_> for Search<'_> {
        fn visit_path(&mut self, path: &Path) {
            if let Some(name) = path.segments.first().map(|first| &first.ident)
                && self.0.names().any(|parameter| parameter == name)
            {
                self.1 = Some(name.clone());
            }
            syn::visit::visit_path(self, path);
        }
    }

    for Field { ty, flatten, .. } in fields.iter_mut().filter(|field| field.flatten) {
        let mut search = Search(parameters, None);
        search.visit_type(ty);
        if let Some(name) = search.1 {
            let message = format!(
                "the fields of `{name}` are not known here, so they cannot stand in this model: remove `flatten`"
            );
            errors.push(ty, message);
            *flatten = false;
        }
    }
}

/// The list of all fields: those of the model, `described` one by one, and those of the models that stand in it.
pub(crate) fn fields(model: &str, fields: &[Field], described: &[TokenStream]) -> TokenStream {
    if fields.iter().all(|field| !field.flatten) {
        return quote!(&[#(#described),*]);
    }
    let mut parts = Vec::new();
    let mut own = Vec::new();
    let mut place = Span::mixed_site();
    for (field, described) in fields.iter().zip(described) {
        if field.flatten {
            let ty = at_start(&field.ty);
            place = Span::mixed_site().located_at(field.ty.span());
            let own = std::mem::take(&mut own);
            parts.push(quote!((#model, &[#(#own),*])));
            parts.push(quote_spanned!(place=> __model::part(<#ty as __model::Object>::OBJECT)));
        } else {
            own.push(described);
        }
    }
    parts.push(quote!((#model, &[#(#own),*])));
    let count = index(fields, fields.len());
    quote_spanned!(place=> &__model::flat::<{ #count }>(&[#(#parts),*]))
}

/// The place in that list of what follows the first `at` fields.
pub(crate) fn index(fields: &[Field], at: usize) -> TokenStream {
    let (flattened, own): (Vec<_>, Vec<_>) = fields[..at].iter().partition(|field| field.flatten);
    let own = own.len();
    let flattened = flattened.iter().map(|field| at_start(&field.ty));
    quote!(#own #(+ <#flattened as __model::Object>::OBJECT.fields.len())*)
}
