//! What a use of `#[model]` means, and its rules.

use darling::util::Override;
use proc_macro2::Ident;
use quote::{ToTokens as _, quote};
use syn::{
    Attribute, Expr, Fields, Item, ItemStruct, Path, Token, Type, ext::IdentExt as _, parse_quote,
    punctuated::Punctuated,
};

use super::{
    check::{self, Check},
    choice::Choice,
    flatten,
    generics::Parameters,
    newtype::Newtype,
    parse::{FieldOptions, Options, Taken},
    patch,
    union::Union,
};
use crate::{
    docs,
    errors::Errors,
    options::{self, Typed},
    signature::{conditions, source},
};

pub(crate) enum Model {
    Object(Object),
    Choice(Choice),
    Newtype(Box<Newtype>),
    Union(Union),
}

/// A struct with named fields: an object on the wire.
pub(crate) struct Object {
    /// The struct as it was written, without our attributes.
    pub(crate) item: ItemStruct,
    pub(crate) parameters: Parameters,
    /// Its `#[cfg]`s.
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) doc: String,
    pub(crate) table: Option<Table>,
    pub(crate) fields: Vec<Field>,
    /// Whether it derives `Debug` and has secrets, which that would show.
    pub(crate) masked: bool,
}

/// The table of which a model is a row.
pub(crate) struct Table {
    pub(crate) path: Path,
    pub(crate) use_: Use,
    /// Whether nothing is wrong with the model.
    pub(crate) sound: bool,
    /// The columns that are left out, if all others have to be fields.
    pub(crate) omitted: Option<Vec<Path>>,
}

/// What is done with a row.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Use {
    Read,
    Insert,
    Patch,
}

pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// Its column in the table, if it has one that can be told.
    pub(crate) column: Option<Path>,
    /// Whether the fields of its type stand in its place.
    pub(crate) flatten: bool,
    pub(crate) doc: String,
    /// Whether its type is written as `Option<..>` or `Patch<..>`.
    pub(crate) optional: bool,
    /// Whether it is written as `Patch<..>`.
    pub(crate) nullable: bool,
    pub(crate) checks: Vec<Check>,
    /// The name on the wire.
    pub(crate) name: String,
    /// What it is when it is absent.
    pub(crate) default: Option<Override<Expr>>,
    pub(crate) deprecated: bool,
    pub(crate) secret: bool,
    pub(crate) identity: bool,
}

impl Model {
    /// Reads a use and reports its mistakes; `None` if the item cannot be a model at all.
    pub(crate) fn new(
        typed: &Typed<Options>,
        item: &Item,
        taken: &Taken,
        errors: &mut Errors,
    ) -> Option<Self> {
        match item {
            Item::Enum(item) if Parameters::refuse(&item.generics, "an enum", errors) => None,
            Item::Struct(item) if let Some(tag) = &typed.options.tag => {
                let message = format!(
                    "`tag` tells the variants of an enum apart, and `{}` is a struct: remove it",
                    item.ident
                );
                errors.push(tag, message);
                None
            }
            Item::Struct(item) => match &item.fields {
                Fields::Named(_) => Object::new(typed, item, taken, errors).map(Self::Object),
                Fields::Unnamed(_) if Parameters::refuse(&item.generics, "a newtype", errors) => None,
                Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                    Newtype::new(typed, item, taken, errors).map(Box::new).map(Self::Newtype)
                }
                Fields::Unnamed(_) => not_a_model(&item.ident, "a tuple struct", "{ .. }", errors),
                Fields::Unit => not_a_model(&item.ident, "a unit struct", "{}", errors),
            },
            Item::Enum(item) if let Some(tag) = &typed.options.tag => {
                Union::new(typed, &tag.value(), item, taken, errors).map(Self::Union)
            }
            Item::Enum(item) => Choice::new(typed, item, taken, errors).map(Self::Choice),
            Item::Union(item) => not_a_model(&item.ident, "a union", "{ .. }", errors),
            _ => {
                errors.push(
                    item,
                    "a model is a struct or an enum: write `#[model]` above `struct Name { .. }`",
                );
                None
            }
        }
    }
}

fn not_a_model(name: &Ident, what: &str, instead: &str, errors: &mut Errors) -> Option<Model> {
    errors.push(
        name,
        format_args!(
            "a model has named fields or wraps one value, and `{name}` is {what}: write `struct {name} {instead}`"
        ),
    );
    None
}

impl Object {
    fn new(typed: &Typed<Options>, item: &ItemStruct, taken: &Taken, errors: &mut Errors) -> Option<Self> {
        let parameters = Parameters::new(&item.generics, errors);
        let mut fields: Vec<_> = item
            .fields
            .iter()
            .zip(&taken.parts)
            .filter_map(|(field, taken)| Field::new(field, taken, errors))
            .collect();
        for attribute in &taken.item {
            let name = source(attribute.path());
            errors.push(attribute, format_args!("`#[{name}]` stands on a field: move it to one"));
        }
        no_serde(item.attrs.iter().chain(item.fields.iter().flat_map(|field| &field.attrs)), errors);
        if let Some(db) = &typed.options.db {
            let place = if let Override::Explicit(path) = db { quote!(#path) } else { quote!(db) };
            errors.push(
                place,
                "`db` is for one value, such as an enum; a struct is a row: write `table = tasks`",
            );
        }
        for (at, field) in fields.iter().enumerate().filter(|(_, field)| !field.flatten) {
            let mut others = fields[..at].iter().filter(|other| !other.flatten);
            if let Some(other) = others.find(|other| other.name == field.name) {
                let message = format!(
                    "`{}` is the name of `{}` already: give this field another",
                    field.name, other.ident
                );
                errors.push(&field.ident, message);
            }
        }
        if let [_, second, ..] = &fields.iter().filter(|field| field.identity).collect::<Vec<_>>()[..] {
            errors.push(&second.ident, "an attempt is one account's: keep one `#[identity]`");
        }
        if let (Some(parameters), Some(table)) = (&parameters, &typed.options.table) {
            parameters.refuse_table(table, errors);
        }
        if let Some(parameters) = &parameters {
            flatten::check_parameters(&mut fields, parameters, errors);
        }
        let mut item = item.clone();
        // Nothing here knows these, which the compiler would mind as well.
        let attributes = item.fields.iter_mut().map(|field| &mut field.attrs).chain([&mut item.attrs]);
        attributes.for_each(|attributes| attributes.retain(|attribute| !attribute.path().is_ident("serde")));
        let masked = fields.iter().any(|field| field.secret) && take_debug(&mut item.attrs);
        let table = table(typed, &fields, errors);
        if table.as_ref().is_none_or(|_| !errors.is_empty()) {
            // After another mistake it may be the columns that were mistaken.
            fields.iter_mut().for_each(|field| field.column = None);
        }
        Some(Self {
            parameters: parameters?,
            conditions: conditions(&item.attrs),
            doc: docs::text(&item.attrs),
            table,
            item,
            fields,
            masked,
        })
    }
}

impl Field {
    pub(crate) fn new(field: &syn::Field, taken: &[Attribute], errors: &mut Errors) -> Option<Self> {
        let ident = field.ident.clone()?;
        let FieldOptions { rename, default, deprecated, flatten } = options_of(taken, errors);
        let is_flattened = flatten.is_present() && flatten::check(&field.ty, taken, errors);
        let nullable = patch::is_patch(&field.ty);
        let optional = nullable || is_option(&field.ty);
        if optional && default.is_some() {
            errors.push(
                &field.ty,
                "an optional field is `None`, or unchanged, when it is absent: remove `default`, or write the type alone",
            );
        }
        let has = |name: &str| taken.iter().any(|attribute| attribute.path().is_ident(name));
        Some(Self {
            name: rename.unwrap_or_else(|| ident.unraw().to_string()),
            ty: field.ty.clone(),
            column: column(field).filter(|_| !flatten.is_present()),
            flatten: is_flattened,
            doc: docs::text(&field.attrs),
            default: default.filter(|_| !optional),
            optional,
            nullable,
            checks: check::read(taken, errors),
            deprecated: deprecated.is_present(),
            secret: has("secret"),
            identity: has("identity"),
            ident,
        })
    }
}

/// Reads all `#[model(..)]` on a field or a variant.
pub(crate) fn options_of<T: options::Options>(taken: &[Attribute], errors: &mut Errors) -> T {
    let tokens = taken
        .iter()
        .filter(|attribute| attribute.path().is_ident("model"))
        .map(|attribute| attribute.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default());
    let tokens: Vec<_> = tokens.collect();
    options::read(quote!(#(#tokens),*), errors).options
}

/// Reports serde's attributes.
pub(crate) fn no_serde<'a>(attributes: impl Iterator<Item = &'a Attribute>, errors: &mut Errors) {
    for attribute in attributes.filter(|attribute| attribute.path().is_ident("serde")) {
        errors.push(attribute, "a model is read and written as its schema says: remove `#[serde]`");
    }
}

/// Removes `Debug` from the derives, if it is there.
pub(crate) fn take_debug(attributes: &mut [Attribute]) -> bool {
    let mut taken = false;
    for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("derive")) {
        let Ok(traits) = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated) else {
            continue;
        };
        let is_debug = |path: &&Path| path.segments.last().is_some_and(|last| last.ident == "Debug");
        if traits.iter().any(|path| is_debug(&path)) {
            taken = true;
            let rest = traits.iter().filter(|path| !is_debug(path));
            *attribute = parse_quote!(#[derive(#(#rest),*)]);
        }
    }
    taken
}

fn table(typed: &Typed<Options>, fields: &[Field], errors: &mut Errors) -> Option<Table> {
    let Typed { options, misread } = typed;
    let omitted = options.omit.as_deref().map_or(&[][..], |omitted| omitted);
    for (at, column) in omitted.iter().enumerate() {
        let name = column.to_token_stream().to_string();
        if fields.iter().any(|field| column.is_ident(&field.ident)) {
            errors.push(
                column,
                format_args!("`{name}` is a field of this model: remove the field or do not omit it"),
            );
        } else if omitted[..at].contains(column) {
            errors.push(column, format_args!("`{name}` is omitted twice: keep one of them"));
        }
    }
    let pick = options.pick.is_present();
    if pick {
        let place = Ident::new("pick", options.pick.span());
        if options.insert.is_present() {
            errors.push(&place, "`pick` reads some columns, `insert` writes a row: keep one of them");
        }
        if !omitted.is_empty() {
            errors.push(&place, "`pick` leaves out whatever is no field: remove `omit(..)` or `pick`");
        }
    }
    if options.patch.is_present() {
        patch::check(options, fields, errors);
    }
    if let Some(path) = &options.table {
        // After another mistake it may be the columns that were mistaken.
        let use_ = match (options.patch.is_present(), options.insert.is_present()) {
            (true, _) => Use::Patch,
            (false, true) => Use::Insert,
            (false, false) => Use::Read,
        };
        let complete = !pick && use_ != Use::Patch && errors.is_empty();
        let omitted = complete.then(|| omitted.to_vec());
        return Some(Table { path: path.clone(), use_, omitted, sound: errors.is_empty() });
    }
    if misread.contains(&"table") {
        return None;
    }
    if options.insert.is_present() {
        let place = Ident::new("insert", options.insert.span());
        errors.push(place, "`insert` needs to know into which table: write `table = tasks, insert`");
    }
    if options.patch.is_present() {
        let place = Ident::new("patch", options.patch.span());
        errors.push(place, "`patch` needs to know of which table: write `table = tasks, patch`");
    }
    if pick {
        let place = Ident::new("pick", options.pick.span());
        errors.push(place, "`pick` needs to know from which table: write `table = tasks, pick`");
    }
    if let Some(first) = omitted.first() {
        errors.push(first, "`omit` needs to know of which table: write `table = tasks, omit(..)`");
    }
    None
}

/// The column of a field: its name, unless Diesel is told another.
fn column(field: &syn::Field) -> Option<Path> {
    let mut column = field.ident.clone().map(Path::from);
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("diesel")) {
        // What Diesel does not understand it reports by itself.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("column_name") {
                column = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("embed") {
                column = None;
            }
            Ok(())
        });
    }
    column
}

pub(crate) fn is_option(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Option"),
        Type::Group(group) => is_option(&group.elem),
        _ => false,
    }
}
