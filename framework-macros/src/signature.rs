//! The rules that the functions under `#[procedure]` and `#[job]` share.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{
    Attribute, FnArg, GenericArgument, GenericParam, Item, ItemFn, Lifetime, Pat, PathArguments, PathSegment,
    ReturnType, Safety, Type, TypeImplTrait, TypeReference, ext::IdentExt as _, visit::Visit,
};

use crate::{docs, errors::Errors};

/// What the functions under one attribute look like.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// What such a function is: `procedure`.
    pub(crate) thing: &'static str,
    /// The type of its context: `Ctx`.
    pub(crate) context: &'static str,
    /// The context as a parameter: `ctx: &Ctx`.
    pub(crate) parameter: &'static str,
    /// The context that is often taken for it: `JobCtx`.
    pub(crate) other_context: &'static str,
    /// What the parameter after the context is: `input`.
    pub(crate) input: &'static str,
    /// Whether a function will do that is not `async`; if not, what else there is to write than that word.
    pub(crate) plain: Result<(), &'static str>,
}

/// The types of a function.
pub(crate) struct Signature {
    /// The function's name.
    pub(crate) name: Ident,
    /// Whether it is to be awaited.
    pub(crate) is_async: bool,
    /// The context, without its `&`.
    pub(crate) context: Type,
    /// The parameters after the context.
    pub(crate) arguments: Vec<Argument>,
    /// The `T` of the `Result<T>` or `Result<T, E>` that it returns.
    pub(crate) output: Type,
    /// The `E`, if it is written.
    pub(crate) error: Option<Type>,
}

/// A parameter after the context.
pub(crate) struct Argument {
    /// The parameter of the path that it is; the input has none.
    pub(crate) path: Option<String>,
    /// What its doc comment says.
    pub(crate) doc: String,
    /// Its type.
    pub(crate) ty: Type,
}

impl Signature {
    /// The type of the input, if there is one.
    pub(crate) fn input(&self) -> Option<&Type> {
        self.arguments.iter().find(|argument| argument.path.is_none()).map(|argument| &argument.ty)
    }

    /// The names of the arguments that stand in the path, and the arguments.
    pub(crate) fn path_arguments(&self) -> impl Iterator<Item = (&str, &Argument)> {
        self.arguments.iter().filter_map(|argument| Some((argument.path.as_deref()?, argument)))
    }
}

/// A parameter: all of it, and its type.
struct Parameter<'a> {
    whole: &'a FnArg,
    ty: &'a Type,
}

impl Parameter<'_> {
    /// The name, if it is given one without taking it apart.
    fn name(&self) -> Option<String> {
        match self.whole {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) => Some(name.ident.unraw().to_string()),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        }
    }

    fn attributes(&self) -> &[Attribute] {
        match self.whole {
            FnArg::Typed(typed) => &typed.attrs,
            FnArg::Receiver(receiver) => &receiver.attrs,
        }
    }
}

impl Kind {
    /// Reads the item under the attribute as a function.
    pub(crate) fn function(&self, item: &TokenStream, errors: &mut Errors) -> Option<ItemFn> {
        match syn::parse2(item.clone()) {
            Ok(Item::Fn(function)) => Some(function),
            _ => {
                let Kind { thing, parameter, .. } = self;
                let message = format!(
                    "a {thing} is a function: write `async fn name({parameter}) -> Result<()> {{ .. }}`"
                );
                errors.push(item, message);
                None
            }
        }
    }

    /// Reads the function's types and reports what is wrong with its signature; `None` if the types cannot be told.
    ///
    /// Parameters that are named in `path` are read from there.
    pub(crate) fn signature(
        &self,
        function: &ItemFn,
        path: &[String],
        errors: &mut Errors,
    ) -> Option<Signature> {
        self.check_qualifiers(function, errors);
        let is_generic = self.check_generics(function, errors);
        let parameters = self.parameters(function, path, errors);
        let output = self.output(function, errors);
        let (context, arguments) = parameters?;
        let (output, error) = output?;
        let (name, is_async) = (function.sig.ident.clone(), function.sig.asyncness.is_some());
        let signature = Signature { name, is_async, context, arguments, output, error };
        (!is_generic).then_some(signature)
    }

    fn check_qualifiers(&self, function: &ItemFn, errors: &mut Errors) {
        let (thing, signature) = (self.thing, &function.sig);
        if let (None, Err(otherwise)) = (&signature.asyncness, self.plain) {
            let name = &signature.ident;
            let message = format!("a {thing} is asynchronous: write `async fn {name}`{otherwise}");
            errors.push(signature.fn_token, message);
        }
        if let Safety::Unsafe(token) = &signature.safety {
            errors.push(token, format_args!("a {thing} is called by the framework: remove `unsafe`"));
        }
    }

    fn check_generics(&self, function: &ItemFn, errors: &mut Errors) -> bool {
        let (Kind { thing, parameter, .. }, generics) = (self, &function.sig.generics);
        if let Some(lifetime) = generics.lifetimes().next() {
            errors.push(
                lifetime,
                format_args!("a {thing} has no lifetimes: remove them and write `{parameter}`"),
            );
        }
        if let Some(other) = generics.params.iter().find(|each| !matches!(each, GenericParam::Lifetime(_))) {
            errors.push(other, format_args!("a {thing} has no generics: write the type that is meant"));
        }
        if let (true, Some(clause)) = (generics.params.is_empty(), &generics.where_clause) {
            errors.push(clause, format_args!("a {thing} has no generics: remove the `where`"));
        }
        !generics.params.is_empty()
    }

    /// Reads the context and what follows it.
    fn parameters(
        &self,
        function: &ItemFn,
        path: &[String],
        errors: &mut Errors,
    ) -> Option<(Type, Vec<Argument>)> {
        let Kind { thing, parameter, .. } = self;
        let signature = &function.sig;
        if let Some(receiver) = signature.receiver() {
            errors.push(
                receiver,
                format_args!("a {thing} is a free function: move it out of the `impl` block"),
            );
            return None;
        }
        let all: Vec<_> = signature
            .inputs
            .iter()
            .filter_map(|whole| match whole {
                FnArg::Typed(typed) => Some(Parameter { whole, ty: &typed.ty }),
                FnArg::Receiver(_) => None,
            })
            .collect();
        let Some(first) = all.first() else {
            let name = &signature.ident;
            errors.push(
                name,
                format_args!("a {thing} takes its context: write `async fn {name}({parameter})`"),
            );
            return None;
        };
        let at = all.iter().position(|each| self.is_context(each.ty));
        let found = match at {
            Some(0) => self.context(first.ty, errors),
            Some(at) => {
                let message = format!(
                    "the context comes first: move `{}` before `{}`",
                    source(all[at].whole),
                    source(first.whole)
                );
                errors.push(all[at].whole, message);
                self.context(all[at].ty, errors)
            }
            None => {
                let after = match bare(first.ty) {
                    Type::Reference(_) => String::new(),
                    _ => format!(", {}", source(first.whole)),
                };
                let message = format!("a {thing} takes its context first: write `{parameter}{after}`");
                errors.push(first.whole, message);
                None
            }
        };
        let in_path = |parameter: &Parameter<'_>| parameter.name().filter(|name| path.contains(name));
        let (contexts, rest): (Vec<_>, Vec<_>) = all
            .iter()
            .enumerate()
            .filter(|(number, _)| Some(*number) != at)
            .map(|(_, each)| each)
            .partition(|each| self.is_context(each.ty));
        for more in contexts {
            errors.push(more.whole, format_args!("a {thing} has one context: remove this one"));
        }
        let inputs: Vec<_> = rest.iter().copied().filter(|each| in_path(each).is_none()).collect();
        self.check_single(&inputs, errors);
        let arguments: Option<Vec<_>> = rest
            .into_iter()
            .filter(|each| {
                in_path(each).is_some() || inputs.first().is_some_and(|first| std::ptr::eq(*first, *each))
            })
            .map(|each| {
                let doc = docs::text(each.attributes());
                Some(Argument { path: in_path(each), doc, ty: self.named(each.ty, errors)? })
            })
            .collect();
        Some((found?, arguments?))
    }

    /// Whether the type is a context of either attribute, borrowed or not.
    pub(crate) fn is_context(&self, ty: &Type) -> bool {
        let name = last_segment(borrowed(ty)).map(|segment| segment.ident.to_string());
        name.is_some_and(|name| name == self.context || name == self.other_context)
    }

    /// Reads the context without its `&`.
    fn context(&self, ty: &Type, errors: &mut Errors) -> Option<Type> {
        let Kind { thing, context, parameter, other_context, .. } = self;
        let inner = borrowed(ty);
        let written = source(inner);
        if last_segment(inner).is_some_and(|segment| segment.ident == other_context) {
            let message =
                format!("a {thing} takes a `{context}`, not a `{other_context}`: write `{parameter}`");
            errors.push(inner, message);
            return None;
        }
        let Type::Reference(reference) = bare(ty) else {
            errors.push(ty, format_args!("the context is borrowed: write `&{written}`"));
            return Some(inner.clone());
        };
        if let Some(token) = &reference.mutability {
            errors.push(token, format_args!("the context is shared: write `&{written}`"));
        }
        if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident == "static") {
            errors.push(lifetime, format_args!("the context lives as long as the call: write `&{written}`"));
        }
        Some(inner.clone())
    }

    fn check_single(&self, inputs: &[&Parameter<'_>], errors: &mut Errors) {
        let Kind { thing, input, .. } = self;
        for more in inputs.iter().skip(1) {
            let message = format!(
                "a {thing} has at most one {input}, and `{}` is it: put both into one struct with `#[model]`",
                source(inputs[0].whole)
            );
            errors.push(more.whole, message);
        }
    }

    /// Reads `T` and `E` of `Result<T>` and `Result<T, E>`.
    fn output(&self, function: &ItemFn, errors: &mut Errors) -> Option<(Type, Option<Type>)> {
        let thing = self.thing;
        let ty = match &function.sig.output {
            ReturnType::Default => {
                let message = format!(
                    "a {thing} returns a `Result`: write `-> Result<()>` when there is nothing to return"
                );
                errors.push_error(syn::Error::new(function.sig.paren_token.span.close(), message));
                return None;
            }
            ReturnType::Type(_, ty) => &**ty,
        };
        match last_segment(bare(ty)) {
            Some(segment) if segment.ident == "Result" => match result_of(segment) {
                Some((output, error)) => {
                    let error = match error {
                        Some(error) => Some(self.named(error, errors)?),
                        None => None,
                    };
                    Some((self.named(output, errors)?, error))
                }
                // The compiler says what is missing in `Result` and `Result<>`.
                None => None,
            },
            _ => {
                self.named(ty, errors)?;
                errors.push(ty, format_args!("a {thing} returns a `Result`: write `Result<{}>`", source(ty)));
                None
            }
        }
    }

    /// Refuses `impl Trait`, references and lifetimes anywhere in a type.
    fn named(&self, ty: &Type, errors: &mut Errors) -> Option<Type> {
        let mut search = FindForeign(None);
        search.visit_type(ty);
        let thing = self.thing;
        match search.0 {
            None => return Some(ty.clone()),
            Some(Foreign::Impl(found)) => errors.push(
                found,
                format_args!("a {thing} has types with names: write the type instead of `impl`"),
            ),
            Some(Foreign::Reference(found)) => {
                let owned = match &*found.elem {
                    Type::Slice(slice) => format!("Vec<{}>", source(&slice.elem)),
                    other if source(other) == "str" => "String".to_owned(),
                    other => source(other),
                };
                let message = format!(
                    "what a {thing} takes and returns is its own: write `{owned}` instead of `{}`",
                    source(found)
                );
                errors.push(found, message);
            }
            Some(Foreign::Lifetime(found)) => errors.push(
                found,
                format_args!("what a {thing} takes and returns is its own: write a type without `{found}`"),
            ),
        }
        None
    }
}

/// The first thing in a type that cannot be named beside the function.
struct FindForeign<'a>(Option<Foreign<'a>>);

enum Foreign<'a> {
    Impl(&'a TypeImplTrait),
    Reference(&'a TypeReference),
    Lifetime(&'a Lifetime),
}

impl<'a> Visit<'a> for FindForeign<'a> {
    fn visit_type_impl_trait(&mut self, found: &'a TypeImplTrait) {
        self.0.get_or_insert(Foreign::Impl(found));
    }

    fn visit_type_reference(&mut self, found: &'a TypeReference) {
        self.0.get_or_insert(Foreign::Reference(found));
    }

    fn visit_lifetime(&mut self, found: &'a Lifetime) {
        if found.ident != "static" {
            self.0.get_or_insert(Foreign::Lifetime(found));
        }
    }
}

/// `T` and `E` of `Result<T>` and `Result<T, E>`.
fn result_of(segment: &PathSegment) -> Option<(&Type, Option<&Type>)> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let types: Vec<_> = arguments
        .args
        .iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .collect();
    match types[..] {
        [output] => Some((output, None)),
        [output, error] => Some((output, Some(error))),
        _ => None,
    }
}

pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The type without its `&`.
fn borrowed(ty: &Type) -> &Type {
    match bare(ty) {
        Type::Reference(reference) => bare(&reference.elem),
        other => other,
    }
}

/// The type without parentheses and without the invisible brackets that a `macro_rules` puts around its parameters.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => bare(&inner.elem),
        Type::Group(inner) => bare(&inner.elem),
        other => other,
    }
}

/// The tokens as one would write them.
pub(crate) fn source(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (loose, tight) in
        [(" :", ":"), (":: ", "::"), (" <", "<"), ("< ", "<"), (" >", ">"), (" ,", ","), ("& ", "&")]
    {
        text = text.replace(loose, tight);
    }
    text
}

/// The `#[cfg]`s among the attributes, for what is printed beside the item.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}
