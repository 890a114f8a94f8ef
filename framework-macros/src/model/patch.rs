//! Models that change a row: every field may be absent, and an absent one leaves its column alone.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{GenericArgument, ItemStruct, PathArguments, Type, spanned::Spanned as _};

use super::{
    expand::at_start,
    model::{Field, Table},
    parse::Options,
};
use crate::{
    errors::Errors,
    signature::{last_segment, source},
};

/// Reports what does not go with `patch`.
pub(crate) fn check(options: &Options, fields: &[Field], errors: &mut Errors) {
    let place = Ident::new("patch", options.patch.span());
    if options.insert.is_present() {
        errors.push(&place, "`patch` changes a row, `insert` writes a new one: keep one of them");
    }
    if options.pick.is_present() {
        errors.push(&place, "`patch` changes a row, `pick` reads one: keep one of them");
    }
    if let Some(omitted) = options.omit.as_ref().and_then(|omitted| omitted.first()) {
        errors.push(omitted, "`patch` leaves alone whatever is no field: remove `omit(..)`");
    }
    if fields.is_empty() {
        errors.push(&place, "a patch without fields changes nothing: add one");
    }
    for Field { ident, ty, flatten, .. } in fields.iter().filter(|field| !field.optional) {
        if *flatten {
            errors.push(ty, "a patch has all its fields itself: write them here instead of `flatten`");
            continue;
        }
        let ty_ = source(ty);
        errors.push(
            ty,
            format_args!(
                "`{ident}` may be left out of a patch: write `Option<{ty_}>`, or `Patch<{ty_}>` if it may be set to NULL"
            ),
        );
    }
}

/// Whether a type is written as `Patch<..>`.
pub(crate) fn is_patch(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => {
            segment.ident == "Patch" && matches!(arguments.args.first(), Some(GenericArgument::Type(_)))
        }
        _ => false,
    })
}

/// The patch as a change of its table, and what can be done with it: in name only after a mistake, so that what uses it
/// does not fail as well.
pub(crate) fn expand(item: &ItemStruct, table: &Table, fields: &[Field]) -> TokenStream {
    let (name, vis, path) = (&item.ident, &item.vis, &table.path);
    if !table.sound {
        return quote! {
            #[allow(dead_code)]
            impl #name {
                #vis fn is_empty(&self) -> bool {
                    ::core::unreachable!()
                }

                #vis fn apply<'p, R, Q>(
                    &'p self,
                    _: Q,
                    _: &'p mut __model::Db,
                ) -> __model::BoxFuture<'p, ::diesel::QueryResult<R>> {
                    ::core::unreachable!()
                }
            }
        };
    }
    let changes = fields.iter().filter_map(|Field { ident, ty, column, .. }| {
        let place = Span::mixed_site().located_at(ty.span());
        let (ty, column) = (at_start(ty), column.as_ref()?);
        let change = quote_spanned!(place=> <#ty as __model::Change<'p, #path::#column>>);
        let field = quote!(&self.#ident);
        Some(quote_spanned!(place=> #change::change(#field)))
    });
    let absent = fields.iter().map(|Field { ident, nullable, .. }| {
        if *nullable { quote!(self.#ident.is_unchanged()) } else { quote!(self.#ident.is_none()) }
    });
    quote! {
        impl<'p> ::diesel::AsChangeset for &'p #name {
            type Target = #path::table;
            type Changeset = __model::Changes<'p>;

            fn as_changeset(self) -> Self::Changeset {
                __model::Changes::new([#(#changes),*])
            }
        }

        #[allow(dead_code)]
        impl #name {
            /// Whether it changes nothing.
            #vis fn is_empty(&self) -> bool {
                #(#absent)&&*
            }

            /// Changes the row that `row` finds and returns it; a patch that changes nothing only reads it.
            ///
            /// # Errors
            /// `NotFound` when there is no such row, and whatever the database says.
            #vis fn apply<'p, R, Q: __model::ChangedBy<'p, Self, R>>(
                &'p self,
                row: Q,
                db: &'p mut __model::Db,
            ) -> __model::BoxFuture<'p, ::diesel::QueryResult<R>> {
                <Q as __model::ChangedBy<'p, Self, R>>::changed(row, self, self.is_empty(), db)
            }
        }
    }
}
