//! Prints a model: the struct with its derives, and its schema.

use darling::util::Override;
use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{
    Attribute, Expr, ExprLit, Item, Lit, Path, Type, ext::IdentExt as _, parse_quote, spanned::Spanned as _,
};

use super::{
    check::{Bound, Check},
    custom, flatten,
    generics::Parameters,
    members,
    model::{Field, Model, Object, Table, Use},
    patch,
};
use crate::signature::source;

/// The whole model.
pub(crate) fn model(model: &Model) -> TokenStream {
    match model {
        Model::Object(model) => object(model),
        Model::Choice(model) => model.expand(),
        Model::Newtype(model) => model.expand(),
        Model::Union(model) => model.expand(),
    }
}

fn object(model: &Object) -> TokenStream {
    let item = item(model);
    let schema = schema(model);
    let rows = model.table.as_ref().filter(|table| table.sound).map(|table| rows(model, table));
    quote!(#item #schema #rows)
}

/// A schema in name only, for an item that cannot be a model: what uses it shall not fail as well.
pub(crate) fn stand_in(item: &Item) -> Option<TokenStream> {
    let (name, generics) = match item {
        Item::Struct(item) => (&item.ident, &item.generics),
        Item::Enum(item) => (&item.ident, &item.generics),
        Item::Union(item) => (&item.ident, &item.generics),
        _ => return None,
    };
    generics.params.is_empty().then(|| {
        quote! {
            const _: () = {
                use ::catena::__private::{model as __model, serde as __serde};
                impl __model::Schema for #name {
                    type Kind = __model::Own;
                    const PARAMETERS: __model::Option<&'static __model::ObjectShape> =
                        __model::Some(&__model::ObjectShape::UNKNOWN);

                    fn shape() -> __model::Shape {
                        ::core::unreachable!()
                    }

                    fn read<'de, D: __serde::Deserializer<'de>>(_: D) -> ::core::result::Result<Self, D::Error> {
                        ::core::unreachable!()
                    }

                    fn write<S: __serde::Serializer>(&self, _: S) -> ::core::result::Result<S::Ok, S::Error> {
                        ::core::unreachable!()
                    }
                }
            };
        }
    })
}

/// The struct as it was written, below its derives.
fn item(model: &Object) -> TokenStream {
    let mut item = model.item.clone();
    for (field, described) in item.fields.iter_mut().zip(&model.fields) {
        if described.flatten && model.table.as_ref().is_some_and(|table| table.use_ != Use::Patch) {
            field.attrs.push(parse_quote!(#[diesel(embed)]));
        }
    }
    if model.table.as_ref().is_some_and(|table| table.use_ == Use::Patch) {
        // Read already; there is no derive that would know them.
        item.fields
            .iter_mut()
            .for_each(|field| field.attrs.retain(|attribute| !attribute.path().is_ident("diesel")));
    }
    let table = model.table.as_ref().map(|Table { path, use_, .. }| match use_ {
        Use::Insert => quote! {
            #[derive(::diesel::Insertable)]
            #[diesel(table_name = #path)]
        },
        Use::Read => quote! {
            #[derive(::diesel::Queryable, ::diesel::Selectable)]
            #[diesel(table_name = #path, check_for_backend(::diesel::pg::Pg))]
        },
        Use::Patch => TokenStream::new(),
    });
    quote! {
        #table
        #item
    }
}

/// What serde is told about a field: of the type `this`, whose `at`-th it is.
pub(crate) fn serde_attribute(this: &str, at: usize, field: &Field) -> Attribute {
    let [read, write] = read_and_write(&field.ty);
    let is_absent =
        if field.nullable { "::catena::Patch::is_unchanged" } else { "::core::option::Option::is_none" };
    let absent = field.optional.then(|| quote!(, default, skip_serializing_if = #is_absent));
    let default = field.default.as_ref().map(|_| {
        let path = format!("<{this} as ::catena::__private::model::DefaultOf<{at}>>::value");
        quote!(, default = #path)
    });
    let name = &field.name;
    let rename = (field.ident.unraw() != name).then(|| quote!(, rename = #name));
    parse_quote!(#[serde(serialize_with = #write, deserialize_with = #read #absent #default #rename)])
}

/// The paths by which serde reads and writes a type.
pub(crate) fn read_and_write(ty: &Type) -> [Literal; 2] {
    ["read", "write"].map(|method| through_schema(ty, method))
}

/// The path of a method of `Schema`, as text for serde.
///
/// It names the type, at the type's place, as everything about the field does: the compiler then has one and the same
/// thing to say about a type without a schema, and says it once. A type that comes out of a `macro_rules` cannot always
/// be written as text; there it is left to be inferred.
fn through_schema(ty: &Type, method: &str) -> Literal {
    let span = ty.span();
    let ty = ty.to_token_stream().to_string();
    let ty = if ty.contains('$') { "_" } else { &ty };
    let mut path = Literal::string(&format!("<{ty} as ::catena::__private::model::Schema>::{method}"));
    path.set_span(span);
    path
}

/// The type with all its tokens at the place of the first, which is the one place that a text for serde can have.
pub(crate) fn at_start(ty: &Type) -> TokenStream {
    fn moved(tokens: TokenStream, to: Span) -> TokenStream {
        let moved = tokens.into_iter().map(|mut token| {
            if let TokenTree::Group(group) = &token {
                token = Group::new(group.delimiter(), moved(group.stream(), to)).into();
            }
            let span = token.span();
            token.set_span(span.located_at(to));
            token
        });
        moved.collect()
    }
    moved(ty.to_token_stream(), ty.span())
}

fn schema(model: &Object) -> TokenStream {
    let Object { item, parameters, conditions, doc, table, fields, masked } = model;
    let patch = table.as_ref().filter(|table| table.use_ == Use::Patch);
    let patch = patch.map(|table| patch::expand(item, table, fields));
    let ident = &item.ident;
    let name = ident.unraw().to_string();
    let arguments = parameters.arguments();
    let this = quote!(#ident #arguments);
    let (bounded, clause) = parameters.bounded(None);
    let rows = table.as_ref().map(|table| &table.path);
    let described: Vec<_> =
        fields.iter().enumerate().map(|(at, described)| field(&this, at, rows, described)).collect();
    let described = flatten::fields(&name, fields, &described);
    let defaults = fields.iter().enumerate().filter_map(|(at, field)| default(&this, parameters, at, field));
    let debug = masked.then(|| debug(ident, parameters, fields));
    let customs = fields.iter().enumerate().filter_map(|(at, field)| {
        custom::implementation(&this, parameters, at, &field.ty, field.optional, &field.checks)
    });
    let rules = custom::rules(&this, fields);
    let has_fields = parameters.is_empty().then(|| quote!(impl __model::HasFields for #ident {}));
    let labels = parameters.names().map(|name| quote!(__model::label::<#name>));
    let shape = quote! {
        __model::ObjectShape {
            name: #name, arguments: &[#(#labels),*], doc: #doc, fields: #described, rules: #rules,
        }
    };
    // A static is evaluated wherever it stands; what depends on types is, once they are known.
    let (stands, shape) = if parameters.is_empty() {
        (Some(quote!(static __OBJECT: __model::ObjectShape = #shape;)), quote!(&__OBJECT))
    } else {
        (None, quote!(&#shape))
    };
    let members = members::expand(fields);
    let flattened_rules = fields.iter().filter(|field| field.flatten).map(|Field { ident, ty, .. }| {
        let (place, ty) = (Span::mixed_site().located_at(ty.span()), at_start(ty));
        let rules = quote_spanned!(place=> <#ty as __model::Object>::rules);
        quote!(#rules(&self.#ident, failures);)
    });
    quote! {
        #(#conditions)*
        const _: () = {
            use ::catena::__private::{model as __model, serde as __serde};
            #[allow(unused_imports)]
            use __model::{Schema as __Schema, Unchecked as _};
            #stands

            impl<#bounded> __model::Object for #this #clause {
                const OBJECT: &'static __model::ObjectShape = #shape;

                #members

                fn rules(&self, failures: &mut __model::Failures) {
                    #(#flattened_rules)*
                    <__model::Checked<Self>>::check(self, failures)
                }
            }

            impl<#bounded> __Schema for #this #clause {
                type Kind = __model::Fields;
            }

            #has_fields
            ::catena::__private::object!([#bounded] [#this] [#clause]);
            #(#defaults)*
            #(#customs)*
            #debug
            #patch
        };
    }
}

/// Registers the model as a row of its table, whose columns are compared with those of the database when the application
/// comes up, and stops the build at the model's name unless it names every column that it has to.
fn rows(model: &Object, table: &Table) -> TokenStream {
    let (path, conditions, ident) = (&table.path, &model.conditions, &model.item.ident);
    let name = ident.to_string();
    let use_ = match table.use_ {
        Use::Read => quote!(Read),
        Use::Insert => quote!(Insert),
        Use::Patch => quote!(Patch),
    };
    let fields = quote!(<#ident as ::catena::__private::model::Object>::OBJECT.fields);
    let covers = table.omitted.as_ref().map(|omitted| {
        let (at_name, table_name) = (Span::mixed_site().located_at(ident.span()), source(path));
        let omitted = omitted.iter().map(|column| name_of(path, column));
        let all = quote!(<#path::table as ::diesel::Table>::AllColumns);
        let covers = quote_spanned! {at_name=>
            ::catena::__private::model::covers::<#all>(#name, #table_name, #fields, &[#(#omitted),*])
        };
        quote!(#(#conditions)* const _: () = #covers;)
    });
    quote! {
        #(#conditions)*
        const _: () = {
            use ::catena::__private::model as __model;
            ::catena::__private::inventory::submit! {
                __model::rows::<#path::table>(
                    #name, __model::Use::#use_, #fields, ::core::file!(), ::core::line!(),
                )
            }
        };
        #covers
    }
}

/// The name of a column in SQL.
fn name_of(table: &Path, column: &Path) -> TokenStream {
    let column = quote!(#table::#column);
    quote!(<#column as ::diesel::Column>::NAME)
}

/// What a field is when it is absent.
pub(crate) fn default(
    model: &TokenStream,
    parameters: &Parameters,
    at: usize,
    field: &Field,
) -> Option<TokenStream> {
    let (bounded, clause) = parameters.bounded(None);
    let ty = &field.ty;
    let value = match field.default.as_ref()? {
        Override::Inherit => {
            let place = Span::mixed_site().located_at(ty.span());
            quote_spanned!(place=> <#ty as ::core::default::Default>::default())
        }
        Override::Explicit(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
            quote_spanned!(text.span()=> ::core::convert::Into::into(#text))
        }
        Override::Explicit(value) => quote!(#value),
    };
    Some(quote! {
        impl<#bounded> __model::DefaultOf<#at> for #model #clause {
            type Value = #ty;

            fn value() -> #ty {
                #value
            }
        }
    })
}

/// `Debug` without the secrets.
fn debug(model: &Ident, parameters: &Parameters, fields: &[Field]) -> TokenStream {
    let arguments = parameters.arguments();
    let (bounded, clause) = parameters.bounded(Some(&parse_quote!(::core::fmt::Debug)));
    let name = model.to_string();
    let shown = fields.iter().map(|Field { ident, secret, .. }| {
        let name = ident.unraw().to_string();
        let value = if *secret { quote!(&::core::format_args!("…")) } else { quote!(&self.#ident) };
        quote!(.field(#name, #value))
    });
    quote! {
        impl<#bounded> ::core::fmt::Debug for #model #arguments #clause {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name)#(#shown)*.finish()
            }
        }
    }
}

/// The checks on a value of type `ty`, which stands at the place `at` of a model.
pub(crate) fn checks(model: &TokenStream, at: usize, ty: &Type, checks: &[Check]) -> Vec<TokenStream> {
    let ty = at_start(ty);
    let custom = custom::is_there(checks).then(|| quote!(__model::custom::<#model, #at>()));
    let printed = checks.iter().filter_map(|check| {
        Some(match check {
            Check::Length { min, max } => {
                let max = option(max.map(|max| quote!(#max)));
                quote!(__model::len::<#ty>(#min, #max))
            }
            Check::Range { min, max } => {
                let (min, max) = (option(min.map(bound)), option(max.map(bound)));
                quote!(__model::range::<#ty>(#min, #max))
            }
            Check::Items { min, max } => {
                let max = option(max.map(|max| quote!(#max)));
                quote!(__model::items::<#ty>(#min, #max))
            }
            Check::Pattern { text, rust } => quote! {{
                static __PATTERN: __model::Pattern = __model::Pattern::new(#text, #rust);
                __model::pattern::<#ty>(&__PATTERN)
            }},
            Check::Email => quote!(__model::email::<#ty>()),
            Check::Url => quote!(__model::url::<#ty>()),
            Check::UniqueItems => quote!(__model::unique_items::<#ty>()),
            Check::MultipleOf(divisor) => quote!(__model::multiple_of::<#ty>(#divisor)),
            Check::Custom(_) => return None,
        })
    });
    printed.chain(custom).collect()
}

pub(crate) fn field(model: &TokenStream, at: usize, table: Option<&Path>, field: &Field) -> TokenStream {
    let Field { ty, name, doc, optional, .. } = field;
    let checks = checks(model, at, ty, &field.checks);
    let ty = at_start(ty);
    let default = field.default.as_ref().map(|_| quote!(.or(__model::default_of::<#model, #at>)));
    let nullable = field.nullable.then(|| quote!(.nullable()));
    let deprecated = field.deprecated.then(|| quote!(.deprecated()));
    let secret = field.secret.then(|| quote!(.secret()));
    let column = table.zip(field.column.as_ref()).map(|(table, column)| {
        let name = name_of(table, column);
        quote!(.column(#name))
    });
    let identity = field.identity.then(|| quote!(.identity()));
    let at_type = Span::mixed_site().located_at(field.ty.span());
    let as_field = quote!(<#ty as __Schema>::AS_FIELD);
    quote_spanned! {at_type=>
        __model::field(#name, #doc, #optional, #as_field, &[#(#checks),*])
            #default #nullable #deprecated #secret #identity #column
    }
}

fn bound(bound: Bound) -> TokenStream {
    match bound {
        Bound::Integer(number) => quote!(__model::Bound::Integer(#number)),
        Bound::Number(number) => quote!(__model::Bound::Number(#number)),
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(__model::Some(#value)),
        None => quote!(__model::None),
    }
}
