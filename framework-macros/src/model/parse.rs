//! What is typed in `#[model(..)]`, and in the attributes on its fields and variants.

use darling::{
    FromMeta,
    util::{Flag, Override, PathList, parse_expr::preserve_str_literal},
};
use syn::{Attribute, Expr, Item, LitStr, Meta, Path};

#[derive(Default, FromMeta)]
pub(crate) struct Options {
    pub(crate) table: Option<Path>,
    pub(crate) insert: Flag,
    pub(crate) pick: Flag,
    pub(crate) patch: Flag,
    pub(crate) omit: Option<PathList>,
    pub(crate) db: Option<Override<Path>>,
    pub(crate) tag: Option<LitStr>,
}

impl crate::options::Options for Options {
    const ATTRIBUTE: &'static str = "model";
    const EXAMPLES: &'static [&'static str] =
        &["table = tasks", "insert", "patch", "pick", "omit(id, owner_id)", "db = Text", "tag = \"type\""];
}

/// `#[model(..)]` on a field.
#[derive(Default, FromMeta)]
pub(crate) struct FieldOptions {
    pub(crate) rename: Option<String>,
    #[darling(default, with = default_value)]
    pub(crate) default: Option<Override<Expr>>,
    pub(crate) deprecated: Flag,
    pub(crate) flatten: Flag,
}

impl crate::options::Options for FieldOptions {
    const ATTRIBUTE: &'static str = "model";
    const EXAMPLES: &'static [&'static str] = &["rename = \"dueAt\"", "default = 5", "deprecated", "flatten"];
}

/// `#[model(..)]` on a variant.
#[derive(Default, FromMeta)]
pub(crate) struct VariantOptions {
    pub(crate) rename: Option<String>,
}

impl crate::options::Options for VariantOptions {
    const ATTRIBUTE: &'static str = "model";
    const EXAMPLES: &'static [&'static str] = &["rename = \"in-progress\""];
}

#[derive(Default, FromMeta)]
pub(crate) struct CheckOptions {
    #[darling(default, with = expression)]
    pub(crate) len: Option<Expr>,
    #[darling(default, with = expression)]
    pub(crate) range: Option<Expr>,
    #[darling(default, with = expression)]
    pub(crate) items: Option<Expr>,
    #[darling(default, with = expression)]
    pub(crate) multiple_of: Option<Expr>,
    pub(crate) unique_items: Flag,
    pub(crate) pattern: Option<LitStr>,
    pub(crate) email: Flag,
    pub(crate) url: Flag,
    pub(crate) custom: Option<Path>,
}

impl crate::options::Options for CheckOptions {
    const ATTRIBUTE: &'static str = "check";
    const EXAMPLES: &'static [&'static str] = &[
        "len = 1..=200",
        "range = 1..=5",
        "items = 1..=10",
        "multiple_of = 5",
        "unique_items",
        "pattern = \"^[a-z]+$\"",
        "email",
        "url",
        "custom = is_even",
    ];
}

fn expression(meta: &Meta) -> darling::Result<Option<Expr>> {
    preserve_str_literal(meta).map(Some)
}

/// `default` or `default = 5`.
fn default_value(meta: &Meta) -> darling::Result<Option<Override<Expr>>> {
    Ok(Some(match meta {
        Meta::Path(_) => Override::Inherit,
        _ => Override::Explicit(preserve_str_literal(meta)?),
    }))
}

/// The attributes that are ours.
const OURS: [&str; 4] = ["check", "identity", "model", "secret"];

/// Our attributes in an item, which are taken out of it.
#[derive(Default)]
pub(crate) struct Taken {
    /// Those on the item itself.
    pub(crate) item: Vec<Attribute>,
    /// Those on each field of a struct, or on each variant of an enum.
    pub(crate) parts: Vec<Vec<Attribute>>,
    /// Those on each field of each variant of an enum.
    pub(crate) fields: Vec<Vec<Vec<Attribute>>>,
}

/// Takes our attributes out of an item.
pub(crate) fn take(item: &mut Item) -> Taken {
    match item {
        Item::Struct(item) => Taken {
            item: ours(&mut item.attrs),
            parts: item.fields.iter_mut().map(|field| ours(&mut field.attrs)).collect(),
            ..Taken::default()
        },
        Item::Enum(item) => Taken {
            item: ours(&mut item.attrs),
            parts: item.variants.iter_mut().map(|variant| ours(&mut variant.attrs)).collect(),
            fields: item
                .variants
                .iter_mut()
                .map(|variant| variant.fields.iter_mut().map(|field| ours(&mut field.attrs)).collect())
                .collect(),
        },
        Item::Union(item) => {
            item.fields.named.iter_mut().for_each(|field| drop(ours(&mut field.attrs)));
            Taken::default()
        }
        _ => Taken::default(),
    }
}

fn ours(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    let is_ours = |attribute: &mut Attribute| OURS.iter().any(|name| attribute.path().is_ident(name));
    attributes.extract_if(.., is_ours).collect()
}
