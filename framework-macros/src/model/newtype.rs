//! Structs that wrap one value, and how one value stands in a column.

use darling::util::Override;
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Attribute, Ident, ItemStruct, Path, Type, parse_quote};

use super::{
    check::{self, Check},
    custom,
    expand::checks,
    generics::Parameters,
    model::{is_option, no_serde},
    parse::{Options, Taken},
};
use crate::{docs, errors::Errors, options::Typed, signature::conditions};

pub(crate) struct Newtype {
    item: ItemStruct,
    conditions: Vec<Attribute>,
    doc: String,
    column: Option<Column>,
    inner: Type,
    checks: Vec<Check>,
}

/// The SQL type in which one value stands in a column.
pub(crate) struct Column(Path);

impl Column {
    /// Reads `db` and `db = Text`.
    pub(crate) fn new(typed: &Typed<Options>) -> Option<Self> {
        let text = || parse_quote!(::diesel::sql_types::Text);
        typed.options.db.as_ref().map(|db| match db {
            Override::Explicit(path) => Self(path.clone()),
            Override::Inherit => Self(text()),
        })
    }
}

/// Reports the options of rows on a model that is one value.
pub(crate) fn no_table(typed: &Typed<Options>, what: &str, errors: &mut Errors) {
    let options = &typed.options;
    let omitted = options.omit.as_ref().and_then(|omitted| omitted.first());
    let flag = [("insert", &options.insert), ("patch", &options.patch), ("pick", &options.pick)]
        .into_iter()
        .find(|(_, flag)| flag.is_present());
    let place = match (&options.table, flag, omitted) {
        (Some(path), ..) | (None, None, Some(path)) => path.to_token_stream(),
        (None, Some((name, flag)), _) => Ident::new(name, flag.span()).to_token_stream(),
        (None, None, None) => return,
    };
    errors.push(
        place,
        format_args!("{what} is one value and no row: to use it in a column, write `#[model(db)]`"),
    );
}

impl Newtype {
    /// Reads a struct that wraps one value and reports its mistakes; `None` if it cannot be a model.
    pub(crate) fn new(
        typed: &Typed<Options>,
        item: &ItemStruct,
        taken: &Taken,
        errors: &mut Errors,
    ) -> Option<Self> {
        let inner = item.fields.iter().next()?;
        let mut attributes = taken.item.clone();
        attributes.extend(taken.parts.iter().flatten().cloned());
        for attribute in attributes.iter().filter(|attribute| !attribute.path().is_ident("check")) {
            let name = crate::signature::source(attribute.path());
            errors.push(
                attribute,
                format_args!("`#[{name}]` stands on a field with a name: move it to where this type is used"),
            );
        }
        no_serde(item.attrs.iter().chain(&inner.attrs), errors);
        no_table(typed, "a newtype", errors);
        if is_option(&inner.ty) {
            errors.push(&inner.ty, "a newtype is there or not as a whole: wrap the type without `Option`");
            return None;
        }
        Some(Self {
            conditions: conditions(&item.attrs),
            doc: docs::text(&item.attrs),
            column: Column::new(typed),
            checks: check::read(&attributes, errors),
            inner: inner.ty.clone(),
            item: item.clone(),
        })
    }

    /// The struct and its schema.
    pub(crate) fn expand(&self) -> TokenStream {
        let Self { item, conditions, doc, column: in_table, inner, checks: found } = self;
        let ident = &item.ident;
        let name = ident.to_string();
        let this = quote!(#ident);
        let checks = checks(&this, 0, inner, found);
        let custom = custom::implementation(&this, &Parameters::none(), 0, inner, false, found);
        let passes = custom::call(0, &quote!(self.0), found).map(|passes| quote!(&& #passes));
        let sql = in_table.as_ref().map(|Column(sql)| sql);
        let (derives, columns) = column(
            in_table.as_ref(),
            ident,
            &TokenStream::new(),
            Some(inner),
            &quote! {
                <#inner as ::diesel::deserialize::FromSql<#sql, ::diesel::pg::Pg>>::from_sql(bytes).map(Self)
            },
        );
        quote! {
            #derives
            #item
            #(#conditions)*
            const _: () = {
                use ::catena::__private::{model as __model, serde as __serde};
                static __NAMED: __model::NamedShape = __model::NamedShape {
                    name: #name,
                    doc: #doc,
                    shape: <#inner as __model::Schema>::shape,
                    checks: &[#(#checks),*],
                };

                impl __model::Schema for #ident {
                    type Kind = __model::Own;
                    const IN_QUERY: __model::InQuery = <#inner as __model::Schema>::IN_QUERY;

                    fn shape() -> __model::Shape {
                        __model::Shape::Named(&__NAMED)
                    }

                    fn read<'de, D: __serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                        <#inner as __model::Schema>::read(deserializer).map(Self)
                    }

                    fn write<S: __serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                        <#inner as __model::Schema>::write(&self.0, serializer)
                    }

                    fn is_valid(&self) -> bool {
                        __model::admits(&self.0, __NAMED.checks) #passes
                    }
                }

                impl __model::Wraps for #ident {
                    type Inner = #inner;
                }

                ::catena::__private::poem_model!(#ident);
                #custom
                #columns
            };
        }
    }
}

/// Diesel's derives for one value in a column, and how it is written and read: as its `bytes`, or as the value `inner`.
pub(crate) fn column(
    column: Option<&Column>,
    ident: &Ident,
    bytes: &TokenStream,
    inner: Option<&Type>,
    read: &TokenStream,
) -> (TokenStream, TokenStream) {
    let Some(Column(sql)) = column else { return Default::default() };
    let derives = quote! {
        #[derive(::diesel::expression::AsExpression, ::diesel::deserialize::FromSqlRow)]
        #[diesel(sql_type = #sql)]
    };
    let write = match inner {
        Some(inner) => quote! {
            <#inner as ::diesel::serialize::ToSql<#sql, ::diesel::pg::Pg>>::to_sql(&self.0, out)
        },
        None => quote! {
            ::std::io::Write::write_all(out, #bytes)?;
            ::core::result::Result::Ok(::diesel::serialize::IsNull::No)
        },
    };
    let impls = quote! {
        impl ::diesel::serialize::ToSql<#sql, ::diesel::pg::Pg> for #ident {
            fn to_sql<'b>(
                &'b self,
                out: &mut ::diesel::serialize::Output<'b, '_, ::diesel::pg::Pg>,
            ) -> ::diesel::serialize::Result {
                #write
            }
        }

        impl ::diesel::deserialize::FromSql<#sql, ::diesel::pg::Pg> for #ident {
            fn from_sql(bytes: ::diesel::pg::PgValue<'_>) -> ::diesel::deserialize::Result<Self> {
                #read
            }
        }
    };
    (derives, impls)
}
