//! Shapes as OpenAPI schemas, and models as poem-openapi types.

use std::borrow::Cow;

use poem_openapi::{
    ParameterStyle,
    registry::{
        MetaDiscriminatorObject, MetaOperationParam, MetaParamIn, MetaSchema, MetaSchemaRef, Registry,
    },
    types::{self, ParseError, ParseResult},
};
use serde_json::Value;

use crate::model::{
    Bound, Check, Field, ObjectShape, Pattern, Schema, Shape, exact, leaves::MAX_SINGLE, parse_body,
};

/// The name of `T` in a document, or of its type in JSON Schema where it has none.
#[must_use]
pub fn name<T: Schema>() -> Cow<'static, str> {
    match T::shape() {
        Shape::Object(object) => object.full_name().into(),
        Shape::Choice(choice) => choice.name.into(),
        Shape::Union(union) => union.name.into(),
        Shape::Named(named) => named.name.into(),
        other => other.name().into(),
    }
}

/// The schema of `T`: inline for leaves, a reference for objects.
#[must_use]
pub fn schema_ref<T: Schema>() -> MetaSchemaRef {
    inline(&T::shape())
}

/// Adds the objects in `T` to the registry.
pub fn register<T: Schema>(registry: &mut Registry) {
    register_shape(&T::shape(), registry);
}

/// Reads a value for a plain poem-openapi API.
///
/// # Errors
/// With the first failure's pointer and message.
pub fn parse_from_json<T: Schema + types::Type>(value: Option<Value>) -> ParseResult<T> {
    let text = value.ok_or_else(ParseError::expected_input)?.to_string();
    parse_body(text.as_bytes()).map_err(|error| match error.failures().first() {
        Some(failure) if failure.pointer.is_empty() => ParseError::custom(&failure.message),
        Some(failure) => ParseError::custom(format_args!("{}: {}", failure.pointer, failure.message)),
        None => ParseError::custom(error.detail()),
    })
}

/// Writes a value for a plain poem-openapi API; logs one that its shape cannot express, and answers without it.
pub fn to_json<T: Schema>(value: &T) -> Option<Value> {
    value
        .write(serde_json::value::Serializer)
        .inspect_err(|error| tracing::error!(%error, "cannot write a value as its schema says"))
        .ok()
}

/// What PostgreSQL can store as text: anything without the character U+0000.
pub(super) const STORABLE: &str = r"^[^\u0000]*$";

/// The schema of a value: inline for leaves, lists and maps, a reference for what has a name.
pub(crate) fn inline(shape: &Shape) -> MetaSchemaRef {
    match *shape {
        Shape::Object(object) => MetaSchemaRef::Reference(object.full_name()),
        Shape::Choice(choice) => MetaSchemaRef::Reference(choice.name.to_owned()),
        Shape::Union(union) => MetaSchemaRef::Reference(union.name.to_owned()),
        Shape::Named(named) => MetaSchemaRef::Reference(named.name.to_owned()),
        _ => MetaSchemaRef::Inline(Box::new(schema(shape))),
    }
}

/// Adds what has a name in a value to the registry, each once.
pub(crate) fn register_shape(shape: &Shape, registry: &mut Registry) {
    match *shape {
        Shape::Array { items, .. } => register_shape(&items(), registry),
        Shape::Map { values, .. } => register_shape(&values(), registry),
        Shape::Choice(choice) => drop(registry.schemas.insert(choice.name.to_owned(), schema(shape))),
        Shape::Named(named) => {
            registry.schemas.insert(named.name.to_owned(), schema(shape));
            register_shape(&(named.shape)(), registry);
        }
        Shape::Union(union) if !registry.schemas.contains_key(union.name) => {
            registry.schemas.insert(union.name.to_owned(), schema(shape));
            for variant in union.variants {
                register_shape(&Shape::Object(&variant.object), registry);
            }
        }
        Shape::Object(object) if !registry.schemas.contains_key(&object.full_name()) => {
            // Before the fields, which may lead back here.
            registry.schemas.insert(object.full_name(), schema(shape));
            for field in object.fields {
                register_shape(&(field.shape)(), registry);
            }
        }
        _ => {}
    }
}

/// The fields of an object as query parameters.
pub(crate) fn parameters(shape: &ObjectShape) -> Vec<MetaOperationParam> {
    shape
        .fields
        .iter()
        .map(|field| MetaOperationParam {
            name: field.name.to_owned(),
            schema: constrained(field),
            in_type: MetaParamIn::Query,
            description: described(field.doc).map(str::to_owned),
            required: field.required,
            deprecated: field.deprecated,
            explode: true,
            style: Some(ParameterStyle::Form),
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "the registry keeps bounds as floats; ours are within 2^53")]
fn schema(shape: &Shape) -> MetaSchema {
    let base = MetaSchema::new(shape.name());
    match *shape {
        Shape::Boolean => base,
        Shape::Integer { min, max, format } => MetaSchema {
            format: described(format),
            minimum: Some(min as f64),
            maximum: Some(max as f64),
            ..base
        },
        Shape::Number { single: false } => MetaSchema { format: Some("double"), ..base },
        Shape::Number { single: true } => MetaSchema {
            format: Some("float"),
            minimum: Some(-MAX_SINGLE),
            maximum: Some(MAX_SINGLE),
            ..base
        },
        Shape::String { format: "", .. } => {
            MetaSchema { pattern: Some(STORABLE.to_owned()), example: Some(sample(0, None)), ..base }
        }
        Shape::String { format, .. } => {
            let more = exact::published(format);
            MetaSchema {
                format: Some(format),
                pattern: more.as_ref().map(|more| more.pattern.to_owned()),
                max_length: more.as_ref().map(|more| more.max_length),
                example: more.map(|more| more.example.into()),
                ..base
            }
        }
        Shape::Array { items, nullable_items } => {
            MetaSchema { items: Some(Box::new(item(items, nullable_items))), ..base }
        }
        Shape::Map { values, nullable_values } => {
            MetaSchema { additional_properties: Some(Box::new(item(values, nullable_values))), ..base }
        }
        Shape::Choice(choice) => MetaSchema {
            description: described(choice.doc),
            enum_items: choice.values.iter().copied().map(Value::from).collect(),
            ..base
        },
        Shape::Constant(value) => MetaSchema { enum_items: vec![value.into()], ..base },
        Shape::Union(union) => MetaSchema {
            description: described(union.doc),
            one_of: union
                .variants
                .iter()
                .map(|variant| MetaSchemaRef::Reference(variant.object.full_name()))
                .collect(),
            discriminator: Some(MetaDiscriminatorObject {
                property_name: union.tag,
                mapping: union
                    .variants
                    .iter()
                    .map(|variant| {
                        let schema = format!("#/components/schemas/{}", variant.object.full_name());
                        (variant.value.to_owned(), schema)
                    })
                    .collect(),
            }),
            ..MetaSchema::ANY
        },
        Shape::Named(named) => {
            let schema = checked(inline(&(named.shape)()), named.checks);
            match annotated(schema, MetaSchema { description: described(named.doc), ..MetaSchema::ANY }) {
                MetaSchemaRef::Inline(schema) => *schema,
                reference @ MetaSchemaRef::Reference(_) => {
                    MetaSchema { all_of: vec![reference], ..MetaSchema::ANY }
                }
            }
        }
        Shape::Object(object) => MetaSchema {
            description: described(object.doc),
            required: object.fields.iter().filter(|field| field.required).map(|field| field.name).collect(),
            properties: object.fields.iter().map(|field| (field.name, property(field))).collect(),
            ..base
        },
    }
}

/// The schema of an item of a list or a map.
fn item(shape: fn() -> Shape, nullable: bool) -> MetaSchemaRef {
    annotated(inline(&shape()), MetaSchema { nullable, ..MetaSchema::ANY })
}

/// The schema of a field with what is said about it.
fn property(field: &Field) -> MetaSchemaRef {
    let about = MetaSchema {
        description: described(field.doc),
        deprecated: field.deprecated,
        write_only: field.secret,
        nullable: field.nullable,
        ..MetaSchema::ANY
    };
    annotated(constrained(field), about)
}

/// The schema of a field's value with its checks.
fn constrained(field: &Field) -> MetaSchemaRef {
    let default = field.default.and_then(|default| default());
    let schema = checked(inline(&(field.shape)()), field.checks);
    annotated(schema, MetaSchema { default, ..MetaSchema::ANY })
}

fn checked(mut schema: MetaSchemaRef, checks: &[Check]) -> MetaSchemaRef {
    if let MetaSchemaRef::Inline(schema) = &mut schema {
        for check in checks {
            constrain(schema, check);
        }
    }
    schema
}

/// A text of a length that fits. Without one, pages make up texts from the pattern that nobody can read.
pub(super) fn sample(min: usize, max: Option<usize>) -> Value {
    const WORDS: &str = "text to read ";
    let length = "text".len().max(min).min(max.unwrap_or(usize::MAX));
    WORDS.chars().cycle().take(length).collect::<String>().into()
}

fn constrain(schema: &mut MetaSchema, check: &Check) {
    match *check {
        Check::Length { min, max } => {
            schema.min_length = schema.min_length.max(Some(min).filter(|min| *min > 0));
            limit_length(schema, max);
            if schema.format.is_some() {
                keep_fitting_example(schema);
            } else if schema.example.is_some() {
                schema.example = Some(sample(min, max));
            }
        }
        Check::Range { min, max } => {
            let tighter =
                |old: Option<f64>, new: Option<Bound>, pick: fn(f64, f64) -> f64| match new.map(float) {
                    Some(new) => Some(old.map_or(new, |old| pick(old, new))),
                    None => old,
                };
            schema.minimum = tighter(schema.minimum, min, f64::max);
            schema.maximum = tighter(schema.maximum, max, f64::min);
        }
        Check::Items { min, max } => {
            let min = Some(min).filter(|min| *min > 0);
            if schema.ty == "array" {
                (schema.min_items, schema.max_items) = (min, max);
            } else {
                (schema.min_properties, schema.max_properties) = (min, max);
            }
        }
        Check::Pattern(pattern) => {
            match_also(schema, pattern);
            // Which text fits is anybody's guess.
            schema.example = None;
        }
        Check::Format(format) => {
            // No form has the character U+0000.
            schema.pattern = schema.pattern.take().filter(|pattern| pattern != STORABLE);
            match_also(schema, format.pattern);
            schema.format = Some(format.name);
            limit_length(schema, format.max);
            // Beside a pattern there is none, and this one may not match it either.
            schema.example = schema.example.take().map(|_| format.example.into());
            keep_fitting_example(schema);
        }
        // No schema can say what a function does.
        Check::Custom(_) => {}
        Check::UniqueItems(_) => schema.unique_items = Some(true),
        Check::MultipleOf(divisor) => schema.multiple_of = Some(float(Bound::Integer(divisor))),
    }
}

fn limit_length(schema: &mut MetaSchema, max: Option<usize>) {
    schema.max_length = schema.max_length.into_iter().chain(max).min();
}

/// Removes an example that is too short or too long; all are ASCII.
fn keep_fitting_example(schema: &mut MetaSchema) {
    let (min, max) = (schema.min_length.unwrap_or(0), schema.max_length.unwrap_or(usize::MAX));
    schema.example = schema
        .example
        .take()
        .filter(|example| example.as_str().is_some_and(|text| (min..=max).contains(&text.len())));
}

/// A schema has one pattern; one that it had already moves beside it.
fn match_also(schema: &mut MetaSchema, pattern: &Pattern) {
    let other = schema.pattern.replace(pattern.text.to_owned());
    schema.all_of.extend(other.map(|other| {
        MetaSchemaRef::Inline(Box::new(MetaSchema { pattern: Some(other), ..MetaSchema::ANY }))
    }));
}

#[expect(clippy::cast_precision_loss, reason = "the registry keeps bounds as floats")]
fn float(bound: Bound) -> f64 {
    match bound {
        Bound::Integer(bound) => bound as f64,
        Bound::Number(bound) => bound,
    }
}

/// Adds to a schema; a reference, beside which nothing may stand, moves into `allOf`.
fn annotated(schema: MetaSchemaRef, more: MetaSchema) -> MetaSchemaRef {
    match schema {
        _ if more.is_empty() => schema,
        MetaSchemaRef::Inline(schema) => MetaSchemaRef::Inline(Box::new(schema.merge(more))),
        reference @ MetaSchemaRef::Reference(_) => {
            MetaSchemaRef::Inline(Box::new(MetaSchema { all_of: vec![reference], ..more }))
        }
    }
}

fn described(text: &'static str) -> Option<&'static str> {
    (!text.is_empty()).then_some(text)
}

/// What a type says of itself in a plain poem-openapi API, in short words: each model repeats them.
pub mod openapi_type {
    use std::{borrow::Cow, iter};

    pub use poem_openapi::{
        registry::{MetaSchemaRef, Registry},
        types::{IsObjectType, ParseFromJSON, ParseResult, ToJSON, Type},
    };

    pub use super::{name, parse_from_json, register, schema_ref, to_json};

    /// The name of a model.
    pub type Name = Cow<'static, str>;
    /// A model as JSON, which may be missing.
    pub type Json = Option<serde_json::Value>;
    /// The raw value of a model.
    pub type Raw<'a, T> = Option<&'a T>;
    /// The raw values that a model is made of.
    pub type Elements<'a, T> = Box<dyn Iterator<Item = &'a T> + 'a>;

    /// A model is its own raw value.
    pub fn raw<T>(model: &T) -> Raw<'_, T> {
        Some(model)
    }

    /// A model is no list of others.
    pub fn elements<T>(model: &T) -> Elements<'_, T> {
        Box::new(iter::once(model))
    }
}

/// Makes a model a poem-openapi type, so that it also works in a plain poem-openapi API. Objects are said to be such.
#[doc(hidden)]
#[macro_export]
macro_rules! __poem_model {
    (object [$($parameters:tt)*] [$model:ty] [$($clause:tt)*]) => {
        $crate::__private::poem_model!([$($parameters)*] [$model] [$($clause)*]);
        impl<$($parameters)*> __type::IsObjectType for $model $($clause)* {}
    };
    ($model:ident) => {
        $crate::__private::poem_model!([] [$model] []);
    };
    ([$($parameters:tt)*] [$model:ty] [$($clause:tt)*]) => {
        use $crate::__private::openapi_type as __type;

        impl<$($parameters)*> __type::Type for $model $($clause)* {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> __type::Name {
                __type::name::<Self>()
            }

            fn schema_ref() -> __type::MetaSchemaRef {
                __type::schema_ref::<Self>()
            }

            fn register(registry: &mut __type::Registry) {
                __type::register::<Self>(registry)
            }

            fn as_raw_value(&self) -> __type::Raw<'_, Self> {
                __type::raw(self)
            }

            fn raw_element_iter<'a>(&'a self) -> __type::Elements<'a, Self> {
                __type::elements(self)
            }
        }

        impl<$($parameters)*> __type::ParseFromJSON for $model $($clause)* {
            fn parse_from_json(value: __type::Json) -> __type::ParseResult<Self> {
                __type::parse_from_json(value)
            }
        }

        impl<$($parameters)*> __type::ToJSON for $model $($clause)* {
            fn to_json(&self) -> __type::Json {
                __type::to_json(self)
            }
        }
    };
}

#[cfg(test)]
mod tests;
