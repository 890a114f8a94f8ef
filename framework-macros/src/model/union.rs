//! Enums whose variants are objects, told apart by a tag.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::{Attribute, Fields, Ident, ItemEnum, Type, ext::IdentExt as _, parse_quote, spanned::Spanned as _};

use super::{
    choice::{misplaced, snake_case},
    custom,
    expand::{at_start, default, field, read_and_write, serde_attribute},
    generics::Parameters,
    model::{Field, no_serde, options_of, take_debug},
    parse::{Options, Taken, VariantOptions},
};
use crate::{docs, errors::Errors, options::Typed, signature::conditions};

pub(crate) struct Union {
    /// The enum as it was written, without our attributes.
    item: ItemEnum,
    conditions: Vec<Attribute>,
    doc: String,
    tag: String,
    variants: Vec<Variant>,
    /// Whether it derives `Debug` and has secrets, which that would show.
    masked: bool,
}

struct Variant {
    ident: Ident,
    /// The value of the tag.
    value: String,
    doc: String,
    content: Content,
}

enum Content {
    Nothing,
    Fields(Vec<Field>),
    /// The fields of a model.
    Model(Box<Type>),
}

impl Union {
    /// Reads an enum with a tag and reports its mistakes; `None` if its variants are no objects.
    pub(crate) fn new(
        typed: &Typed<Options>,
        tag: &str,
        item: &ItemEnum,
        taken: &Taken,
        errors: &mut Errors,
    ) -> Option<Self> {
        let before = errors.len();
        if item.variants.is_empty() {
            errors.push(&item.ident, "a value of an enum is one of its variants, and this has none: add one");
        }
        if tag.is_empty() {
            errors.push(&item.ident, "the tag is the name of a field: write `tag = \"type\"`");
        }
        let mut variants: Vec<Variant> = Vec::new();
        for ((variant, on_variant), on_fields) in item.variants.iter().zip(&taken.parts).zip(&taken.fields) {
            let VariantOptions { rename } = options_of(on_variant, errors);
            let value = rename.unwrap_or_else(|| snake_case(&variant.ident.unraw().to_string()));
            if let Some(other) = variants.iter().find(|other| other.value == value) {
                let message = format!(
                    "`{value}` is `{}` already: give this another by `#[model(rename = \"..\")]`",
                    other.ident
                );
                errors.push(&variant.ident, message);
            }
            misplaced(on_variant, errors);
            no_serde(
                variant.attrs.iter().chain(variant.fields.iter().flat_map(|field| &field.attrs)),
                errors,
            );
            variants.extend(content(variant, tag, on_fields, errors).map(|content| Variant {
                ident: variant.ident.clone(),
                value,
                doc: docs::text(&variant.attrs),
                content,
            }));
        }
        misplaced(&taken.item, errors);
        no_serde(item.attrs.iter(), errors);
        no_row(typed, item, errors);
        let mut item = item.clone();
        let has_secret = |variant: &Variant| match &variant.content {
            Content::Fields(fields) => fields.iter().any(|field| field.secret),
            Content::Nothing | Content::Model(_) => false,
        };
        let masked = variants.iter().any(has_secret) && take_debug(&mut item.attrs);
        (errors.len() == before).then(|| Self {
            conditions: conditions(&item.attrs),
            doc: docs::text(&item.attrs),
            tag: tag.to_owned(),
            item,
            variants,
            masked,
        })
    }

    /// The enum and its schema.
    pub(crate) fn expand(&self) -> TokenStream {
        let Self { conditions, doc, tag, variants, masked, .. } = self;
        let item = self.item();
        let ident = &item.ident;
        let (name, this) = (ident.unraw().to_string(), ident.to_token_stream());
        let (mut first, mut shapes, mut defaults) = (0, Vec::new(), Vec::new());
        for variant in variants {
            shapes.push(variant.shape(&name, tag, &this, first));
            let fields = variant.fields().iter().enumerate();
            for (at, described) in fields {
                let (at, none) = (first + at, Parameters::none());
                let Field { ty, optional, checks, .. } = described;
                defaults.extend(default(&this, &none, at, described));
                defaults.extend(custom::implementation(&this, &none, at, ty, *optional, checks));
            }
            first += variant.fields().len();
        }
        let (mut first, mut valid) = (0, Vec::new());
        for (place, variant) in variants.iter().enumerate() {
            valid.push(variant.valid(place, first));
            first += variant.fields().len();
        }
        let debug = masked.then(|| {
            let shown = variants.iter().map(Variant::debug);
            quote! {
                impl ::core::fmt::Debug for #ident {
                    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                        match self {
                            #(#shown)*
                        }
                    }
                }
            }
        });
        quote! {
            #item
            #(#conditions)*
            const _: () = {
                use ::catena::__private::{model as __model, serde as __serde};
                use __model::Schema as __Schema;
                static __UNION: __model::UnionShape =
                    __model::UnionShape { name: #name, doc: #doc, tag: #tag, variants: &[#(#shapes),*] };

                impl __Schema for #ident {
                    type Kind = __model::Own;
                    const IN_QUERY: __model::InQuery = __model::InQuery::Nested("an object");

                    fn shape() -> __model::Shape {
                        __model::Shape::Union(&__UNION)
                    }

                    fn read<'de, D: __serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                        __model::read_union(deserializer)
                    }

                    fn write<S: __serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                        __serde::Serialize::serialize(self, serializer)
                    }

                    fn is_valid(&self) -> bool {
                        match self {
                            #(#valid)*
                        }
                    }
                }

                ::catena::__private::poem_model!(#ident);
                #(#defaults)*
                #debug
            };
        }
    }

    /// The enum below its derives.
    fn item(&self) -> ItemEnum {
        let mut item = self.item.clone();
        let (this, tag) = (item.ident.to_string(), &self.tag);
        let mut first = 0;
        for (variant, described) in item.variants.iter_mut().zip(&self.variants) {
            let value = &described.value;
            variant.attrs.push(parse_quote!(#[serde(rename = #value)]));
            match &described.content {
                Content::Nothing => variant.attrs.push(
                    parse_quote!(#[serde(deserialize_with = "::catena::__private::model::read_nothing")]),
                ),
                Content::Model(ty) => {
                    let [read, write] = read_and_write(ty);
                    let attribute = parse_quote!(#[serde(serialize_with = #write, deserialize_with = #read)]);
                    variant.fields.iter_mut().for_each(|field| field.attrs.push(Clone::clone(&attribute)));
                }
                Content::Fields(fields) => {
                    for (at, (field, described)) in variant.fields.iter_mut().zip(fields).enumerate() {
                        field.attrs.push(serde_attribute(&this, first + at, described));
                    }
                    first += fields.len();
                }
            }
        }
        let attributes = std::mem::take(&mut item.attrs);
        item.attrs = parse_quote! {
            #[derive(::catena::__private::serde::Serialize, ::catena::__private::serde::Deserialize)]
            #[serde(crate = "::catena::__private::serde", tag = #tag, deny_unknown_fields)]
        };
        item.attrs.extend(attributes);
        item
    }
}

impl Variant {
    fn fields(&self) -> &[Field] {
        match &self.content {
            Content::Fields(fields) => fields,
            Content::Nothing | Content::Model(_) => &[],
        }
    }

    /// What it looks like; `first` counts the fields of the variants before.
    fn shape(&self, union: &str, tag: &str, this: &TokenStream, first: usize) -> TokenStream {
        let Self { ident, value, doc, .. } = self;
        let name = format!("{union}_{}", ident.unraw());
        let tag = quote!(__model::tag(#tag, || __model::Shape::Constant(#value)));
        let fields = match &self.content {
            Content::Model(ty) => {
                let place = Span::mixed_site().located_at(ty.span());
                let object = at_start(ty);
                let object = quote!(<#object as __model::Object>::OBJECT);
                quote_spanned! {place=>
                    &__model::flat::<{ 1 + #object.fields.len() }>(&[(#union, &[#tag]), __model::part(#object)])
                }
            }
            Content::Nothing | Content::Fields(_) => {
                let fields = self.fields().iter().enumerate();
                let fields = fields.map(|(at, described)| field(this, first + at, None, described));
                quote!(&[#tag, #(#fields),*])
            }
        };
        let rules = match &self.content {
            Content::Model(ty) => {
                let ty = at_start(ty);
                quote! {
                    __model::rules_if(<#ty as __model::Object>::OBJECT.rules.is_some(), |text| {
                        __model::variant_rules::<#this, #ty>(text, |union| {
                            #[allow(unreachable_patterns)]
                            match union {
                                #this::#ident(model) => __model::Some(model),
                                _ => __model::None,
                            }
                        })
                    })
                }
            }
            Content::Nothing | Content::Fields(_) => quote!(__model::None),
        };
        quote! {
            __model::VariantShape {
                value: #value,
                object: __model::ObjectShape {
                    name: #name,
                    arguments: &[],
                    doc: #doc,
                    fields: #fields,
                    rules: #rules,
                },
            }
        }
    }

    /// The arm that says whether what it holds passes its checks; `first` counts the fields of the variants before.
    fn valid(&self, place: usize, first: usize) -> TokenStream {
        let ident = &self.ident;
        let fields = match &self.content {
            Content::Model(ty) => {
                let ty = at_start(ty);
                return quote!(Self::#ident(model) => <#ty as __Schema>::is_valid(model),);
            }
            Content::Fields(fields) if !fields.is_empty() => fields,
            Content::Nothing | Content::Fields(_) => return quote!(Self::#ident { .. } => true,),
        };
        let names = fields.iter().map(|field| &field.ident);
        let (bound, fits): (Vec<_>, Vec<_>) = fields
            .iter()
            .enumerate()
            .map(|(at, Field { ty, checks, .. })| {
                let bound = format_ident!("__{at}");
                let custom = custom::call(first + at, &quote!(*#bound), checks).map(|call| quote!(&& #call));
                // The tag is the first of the fields.
                let (ty, at) = (at_start(ty), at + 1);
                let fits = quote!(<#ty as __Schema>::fits(#bound, &fields[#at]) #custom);
                (bound, fits)
            })
            .unzip();
        quote! {
            Self::#ident { #(#names: #bound),* } => {
                let fields = __UNION.variants[#place].object.fields;
                #(#fits)&&*
            }
        }
    }

    /// The arm that shows it without its secrets.
    fn debug(&self) -> TokenStream {
        let (ident, name) = (&self.ident, self.ident.unraw().to_string());
        match &self.content {
            Content::Nothing => quote!(Self::#ident => f.write_str(#name),),
            Content::Model(_) => quote!(Self::#ident(model) => f.debug_tuple(#name).field(model).finish(),),
            Content::Fields(fields) => {
                let (mut bindings, mut shown) = (Vec::new(), Vec::new());
                for (at, Field { ident, secret, .. }) in fields.iter().enumerate() {
                    let (bound, name) = (format_ident!("__{at}"), ident.unraw().to_string());
                    bindings.push(if *secret { quote!(#ident: _) } else { quote!(#ident: #bound) });
                    let value = if *secret { quote!(&::core::format_args!("…")) } else { quote!(#bound) };
                    shown.push(quote!(.field(#name, #value)));
                }
                quote!(Self::#ident { #(#bindings),* } => f.debug_struct(#name)#(#shown)*.finish(),)
            }
        }
    }
}

/// What a variant holds.
fn content(
    variant: &syn::Variant,
    tag: &str,
    taken: &[Vec<Attribute>],
    errors: &mut Errors,
) -> Option<Content> {
    let name = &variant.ident;
    match &variant.fields {
        Fields::Unit => Some(Content::Nothing),
        Fields::Unnamed(unnamed) => match unnamed.unnamed.first() {
            Some(model) if unnamed.unnamed.len() == 1 => {
                for attribute in taken.iter().flatten() {
                    errors.push(
                        attribute,
                        format_args!("this is said of a field: write it in the model that `{name}` holds"),
                    );
                }
                Some(Content::Model(Box::new(model.ty.clone())))
            }
            _ => {
                errors.push(
                    &variant.fields,
                    format_args!("a variant holds one model or fields with names: write `{name} {{ .. }}`"),
                );
                None
            }
        },
        Fields::Named(named) => {
            let mut fields: Vec<Field> = Vec::new();
            for (field, taken) in named.named.iter().zip(taken) {
                let Some(field) = Field::new(field, taken, errors) else { continue };
                if field.flatten {
                    errors.push(
                        &field.ident,
                        format_args!("`flatten` is for structs: write one with these fields, and `{name}(..)` around it"),
                    );
                }
                let other = fields
                    .iter()
                    .find(|other| other.name == field.name)
                    .map(|other| format!("`{}`", other.ident));
                let other = other.or_else(|| (field.name == tag).then(|| "the tag".to_owned()));
                if let Some(other) = other {
                    let message =
                        format!("`{}` is the name of {other} already: give this field another", field.name);
                    errors.push(&field.ident, message);
                }
                fields.push(field);
            }
            Some(Content::Fields(fields))
        }
    }
}

/// Reports the options of rows and columns.
fn no_row(typed: &Typed<Options>, item: &ItemEnum, errors: &mut Errors) {
    let options = &typed.options;
    let flags = [&options.insert, &options.patch, &options.pick];
    if options.table.is_some()
        || options.db.is_some()
        || options.omit.is_some()
        || flags.into_iter().any(|flag| flag.is_present())
    {
        errors
            .push(&item.ident, "a tagged union is an object and neither a row nor a column: keep only `tag`");
    }
}
