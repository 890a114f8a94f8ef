//! What `#[procedure]` registers, and the list of everything that was registered.

use std::{borrow::Cow, collections::HashMap, fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use hyper::Response;
pub use poem::http::Method;

use crate::{
    error::{Code, Error, Result},
    http::{Call, ContextOf, Output, Reply},
    limit::Quota,
    model::{Schema, Shape, Wraps},
};

/// Who may call a procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Anyone may call it.
    Public,
    /// Anyone may call it, and it deals with credentials: signing in and the like.
    Auth,
    /// Only signed-in users may call it.
    Protected,
}

impl Tier {
    /// The name as written in `tier = ".."`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Auth => "auth",
            Self::Protected => "protected",
        }
    }
}

/// The future of one call, boxed once.
pub(crate) type CallFuture = Pin<Box<dyn Future<Output = Result<Response<Bytes>>> + Send>>;

/// Writes what a procedure returned.
///
/// # Errors
/// The procedure's own error, and those of [`Output::write`].
pub fn written<O: Output, E: Problem>(result: Result<O, E>) -> Result<Reply> {
    result.map_err(Problem::into_error)?.write()
}

/// Boxes the future of a call.
pub fn boxed(call: impl Future<Output = Result<Response<Bytes>>> + Send + 'static) -> CallFuture {
    Box::pin(call)
}

/// A procedure as `#[procedure]` describes it: names, documentation, types, and the way to call it.
pub struct Procedure {
    /// `module_path!()` of the function.
    pub module: &'static str,
    /// The function's name.
    pub function: &'static str,
    /// `file!()` of the function.
    pub file: &'static str,
    /// `line!()` of the function.
    pub line: u32,
    /// The HTTP method. What is called by GET only reads: its input stands in the query string, its transaction is
    /// read-only.
    pub method: Method,
    /// The tier.
    pub tier: Tier,
    /// What differs from the defaults.
    pub settings: Settings,
    /// The first paragraph of the doc comment.
    pub summary: &'static str,
    /// The rest of the doc comment.
    pub description: &'static str,
    /// The arguments that stand in the path.
    pub path: &'static [PathParameter],
    /// The input, if it takes one.
    pub input: Option<fn() -> Shape>,
    /// The answer on success.
    pub output: fn() -> Answer,
    /// The codes that it may fail with, beside those of the framework.
    pub problems: &'static [Code],
    /// Reads context and input from a request, calls the function and answers.
    pub call: fn(Call) -> CallFuture,
}

impl Procedure {
    /// The operation id: the one that is set, else `tasks.create` for `create` in `…::procedures::tasks` and `create`
    /// outside `procedures`.
    #[must_use]
    pub fn id(&self) -> Cow<'static, str> {
        self.settings.id.map_or_else(|| self.segments().collect::<Vec<_>>().join(".").into(), Cow::Borrowed)
    }

    /// The path: the one that is set, else `/api/tasks/create`. Parameters stand in braces.
    #[must_use]
    pub fn path(&self) -> Cow<'static, str> {
        self.settings.path.map_or_else(
            || format!("/api/{}", self.segments().collect::<Vec<_>>().join("/")).into(),
            Cow::Borrowed,
        )
    }

    /// The tag in the API's document: the one that is set, else the module below `procedures`, if there is one.
    #[must_use]
    pub fn tag(&self) -> Option<&'static str> {
        self.settings.tag.or_else(|| self.modules().next())
    }

    /// Whether it only reads.
    #[must_use]
    pub fn is_query(&self) -> bool {
        self.method == Method::GET
    }

    /// `file:line` of the function.
    #[must_use]
    pub fn location(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// The function and where it stands, for messages.
    fn at(&self) -> String {
        format!("`{}` at {}", self.function, self.location())
    }

    fn modules(&self) -> impl Iterator<Item = &'static str> + use<> {
        let below = self.module.split_once("::procedures::").map_or("", |(_, below)| below);
        below.split("::").filter(|segment| !segment.is_empty())
    }

    fn segments(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.modules().chain([self.function])
    }
}

impl fmt::Debug for Procedure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Procedure").field("id", &self.id()).field("at", &self.location()).finish()
    }
}

/// What differs from the defaults.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Where it is served.
    pub path: Option<&'static str>,
    /// The operation id.
    pub id: Option<&'static str>,
    /// The heading in the API's document.
    pub tag: Option<&'static str>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// The bytes of the longest body.
    pub body_limit: Option<u32>,
    /// What its callers are limited by, in place of the tier's quota.
    pub limit: Option<Quota>,
    /// Whether it should no longer be called.
    pub deprecated: bool,
    /// Whether the API's document is silent about it.
    pub hidden: bool,
}

impl Settings {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        path: None,
        id: None,
        tag: None,
        timeout: None,
        body_limit: None,
        limit: None,
        deprecated: false,
        hidden: false,
    };
}

/// An argument that stands in the path.
#[derive(Clone, Copy, Debug)]
pub struct PathParameter {
    /// The name, of the argument and between the braces.
    pub name: &'static str,
    /// The description, from the argument's doc comment; may be empty.
    pub doc: &'static str,
    /// What its value looks like.
    pub shape: fn() -> Shape,
}

impl PathParameter {
    /// What the API's document says about it: what is written at the argument, else at its type, else its name in
    /// words.
    pub(crate) fn description(&self) -> String {
        let of_type = match (self.shape)() {
            Shape::Named(named) => named.doc,
            Shape::Choice(choice) => choice.doc,
            _ => "",
        };
        match [self.doc, of_type].into_iter().find(|doc| !doc.is_empty()) {
            Some(doc) => doc.to_owned(),
            None => format!("The {}.", self.name.replace('_', " ").trim()),
        }
    }
}

/// A type that one segment of a path can be read as.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a path",
    label = "not a type for a path",
    note = "an argument that stands in the path is a `Uuid`, a `String`, an integer or a `bool`, or a newtype or an enum with `#[model]`"
)]
pub trait PathArgument: Schema {
    /// What its value looks like.
    const SHAPE: fn() -> Shape = Self::shape;
}

macro_rules! path_arguments {
    ($($ty:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl PathArgument for $ty {}
    )*};
}

path_arguments!(uuid::Uuid, String, bool, i16, i32, i64, u16, u32, crate::model::BigInt);

#[diagnostic::do_not_recommend]
impl<T: Wraps<Inner: PathArgument>> PathArgument for T {}

/// An error of a procedure: [`Error`], or an enum with `#[derive(Problem)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a procedure",
    label = "has no status and no code",
    note = "write `Result<T>`, which is `Result<T, catena::Error>`, and `.map_err(Error::internal)?` where such an error arises",
    note = "or put `#[derive(Problem)]` above the definition of `{Self}`, if that is an enum of yours"
)]
pub trait Problem: Sized {
    /// The codes that it tells apart.
    const CODES: &'static [Code];

    /// What the caller is told.
    fn into_error(self) -> Error;
}

impl Problem for Error {
    const CODES: &'static [Code] = &[];

    fn into_error(self) -> Error {
        self
    }
}

/// What a procedure answers with on success.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body, if there is one.
    pub shape: Option<Shape>,
    /// Whether there may be nothing to answer with: 404.
    pub may_be_missing: bool,
}

/// The braced struct that stands beside a procedure's function: the function's types, by its name.
pub trait ProcedureType {
    /// Who may call it.
    type Tier;
    /// `Ctx` or `Ctx<User>`.
    type Context: ContextOf<Self::Tier>;
    /// The input; `()` for none.
    type Input;
    /// The answer on success.
    type Output;

    /// The description.
    fn procedure() -> &'static Procedure;
}

/// One entry of the registry.
pub struct Entry(pub &'static Procedure);

inventory::collect!(Entry);

/// Every procedure linked into the program, sorted by path and method.
pub(crate) fn all() -> Vec<&'static Procedure> {
    let mut all: Vec<_> = inventory::iter::<Entry>.into_iter().map(|entry| entry.0).collect();
    all.sort_by_key(|procedure| {
        (procedure.path(), procedure.method.as_str(), procedure.location(), procedure.function)
    });
    all
}

/// The paths that are the framework's own.
pub(crate) const OWN_PATHS: [&str; 5] = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"];

/// Everything that two procedures contend for, a sentence each; empty if there is nothing.
pub(crate) fn clashes(procedures: &[&'static Procedure]) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut routes, mut paths, mut ids) = (HashMap::new(), HashMap::new(), HashMap::new());
    for &procedure in procedures {
        let (path, id) = (procedure.path(), procedure.id());
        let (at, method, erased) = (procedure.at(), &procedure.method, erased(&path));
        if OWN_PATHS.contains(&&*path) {
            faults.push(format!("{path} is served by the framework, and by {at}: write another `path`"));
        }
        if let Some(first) = routes.insert((method.clone(), erased.clone()), procedure) {
            faults.push(format!(
                "{method} {path} is served twice: by {} and by {at}; write another `path` for one of them",
                first.at()
            ));
        } else if let Some((first, first_path)) = paths.insert(erased, (procedure, path.clone()))
            && first_path != path
        {
            faults.push(format!(
                "{first_path} and {path} are one path with two names for a parameter: {} and {at}; use one name",
                first.at()
            ));
        }
        if let Some(first) = ids.insert(id.clone(), procedure) {
            faults.push(format!(
                "two procedures have the id `{id}`: {} and {at}; write another `id` for one of them",
                first.at()
            ));
        }
    }
    faults
}

/// The path without the names of its parameters: what the router tells apart.
fn erased(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Reads both before it refuses either, so that all that is wrong with a request is said at once.
///
/// # Errors
/// With the failures of both; with the first error that is not about the values in the request.
pub fn both<A, B>(first: Result<A>, second: Result<B>) -> Result<(A, B)> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(first), Err(_)) if first.code() != Code::INVALID_INPUT => Err(first),
        (Err(_), Err(second)) if second.code() != Code::INVALID_INPUT => Err(second),
        (Err(first), Err(second)) => {
            Err(Error::invalid(first.failures().iter().chain(second.failures()).cloned().collect()))
        }
    }
}

/// The tiers as types, so that a context that does not fit is a compile error.
pub mod tier {
    /// `tier = "public"`.
    pub struct Public;
    /// `tier = "auth"`.
    pub struct Auth;
    /// `tier = "protected"`.
    pub struct Protected;
}

#[cfg(test)]
#[path = "procedure_tests.rs"]
pub(crate) mod tests;
