//! Procedures as operations of one poem-openapi API.

use std::{borrow::Cow, collections::HashMap};

use poem::{endpoint::BoxEndpoint, http::Method};
use poem_openapi::{
    OpenApi,
    registry::{
        MetaApi, MetaHeader, MetaMediaType, MetaOperation, MetaOperationParam, MetaParamIn, MetaPath,
        MetaRequest, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, MetaSecurityScheme, MetaTag,
        Registry,
    },
};
use serde_json::Value;

use super::schema::{inline, parameters, register_shape};
use crate::{
    error::Code,
    http::PROBLEM_MEDIA_TYPE,
    model::Shape,
    procedure::{self, PathParameter, Procedure, Tier},
};

/// Every procedure, as one API: poem-openapi loses an operation when two APIs share a path.
///
/// It only describes: requests are routed to the procedures directly.
pub(super) struct Procedures;

impl OpenApi for Procedures {
    fn meta() -> Vec<MetaApi> {
        let all = documented();
        let paths = all
            .chunk_by(|a, b| a.path() == b.path())
            .map(|same_path| MetaPath {
                path: same_path[0].path().into_owned(),
                operations: same_path.iter().copied().map(operation).collect(),
            })
            .collect();
        vec![MetaApi { paths }]
    }

    fn register(registry: &mut Registry) {
        registry.schemas.insert(PROBLEM.to_owned(), problem());
        registry.schemas.insert(FAILURE.to_owned(), failure());
        for (name, scheme) in security_schemes() {
            registry.create_security_scheme(name, scheme);
        }
        for procedure in documented() {
            if let Some(tag) = procedure.tag() {
                registry.create_tag(MetaTag { name: tag, description: None, external_docs: None });
            }
            if let Some(input) = procedure.input {
                // The parameters of a query are listed one by one; their object has no place in the document.
                match input() {
                    Shape::Object(object) if procedure.is_query() => {
                        object.fields.iter().for_each(|field| register_shape(&(field.shape)(), registry));
                    }
                    shape => register_shape(&shape, registry),
                }
            }
            for parameter in procedure.path {
                register_shape(&(parameter.shape)(), registry);
            }
            if let Some(shape) = (procedure.output)().shape {
                register_shape(&shape, registry);
            }
        }
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

/// The names of the schemas that are the framework's own. They may grow: who reads them ignores what is new.
const PROBLEM: &str = "Problem";
const FAILURE: &str = "Failure";
pub(super) const OPEN_SCHEMAS: [&str; 2] = [PROBLEM, FAILURE];

const COOKIE: &str = "session_cookie";
const BEARER: &str = "session_token";

fn security_schemes() -> [(&'static str, MetaSecurityScheme); 2] {
    let scheme = |ty, description| MetaSecurityScheme {
        ty,
        description: Some(description),
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    [
        (
            COOKIE,
            MetaSecurityScheme {
                name: Some("__Host-catena"),
                key_in: Some("cookie"),
                ..scheme(
                    "apiKey",
                    "The session of a browser; set when signing in. Over plain http in development it is called `catena`.",
                )
            },
        ),
        (
            BEARER,
            MetaSecurityScheme {
                scheme: Some("bearer"),
                ..scheme("http", "The session of an API client: the token that signing in answered with.")
            },
        ),
    ]
}

/// The procedures that the document mentions.
pub(super) fn documented() -> Vec<&'static Procedure> {
    let mut all = procedure::all();
    all.retain(|procedure| !procedure.settings.hidden);
    all
}

/// The text for as long as the program runs: the document is made once.
fn leaked(text: Cow<'static, str>) -> &'static str {
    match text {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => text.leak(),
    }
}

fn path_parameters(procedure: &Procedure) -> Vec<MetaOperationParam> {
    let parameter = |parameter: &PathParameter| MetaOperationParam {
        name: parameter.name.to_owned(),
        schema: inline(&(parameter.shape)()),
        in_type: MetaParamIn::Path,
        description: Some(parameter.description()),
        required: true,
        deprecated: false,
        explode: false,
        style: None,
    };
    procedure.path.iter().map(parameter).collect()
}

fn operation(procedure: &'static Procedure) -> MetaOperation {
    let text = |text: &'static str| (!text.is_empty()).then_some(text);
    let protected = procedure.tier == Tier::Protected;
    let (mut params, mut request) = (path_parameters(procedure), None);
    match procedure.input.map(|input| input()) {
        Some(Shape::Object(object)) if procedure.is_query() => params.extend(parameters(object)),
        Some(shape) => {
            request = Some(MetaRequest {
                description: None,
                content: vec![MetaMediaType { content_type: "application/json", schema: inline(&shape) }],
                required: true,
            });
        }
        None => {}
    }
    MetaOperation {
        method: procedure.method.clone(),
        tags: procedure.tag().into_iter().collect(),
        summary: text(procedure.summary),
        description: text(procedure.description),
        external_docs: None,
        params,
        request,
        responses: MetaResponses { responses: responses(procedure) },
        deprecated: procedure.settings.deprecated,
        security: if protected {
            [COOKIE, BEARER].map(|scheme| HashMap::from([(scheme, Vec::new())])).into()
        } else {
            Vec::new()
        },
        operation_id: Some(leaked(procedure.id())),
        code_samples: Vec::new(),
    }
}

/// The answer on success, and every status the framework itself may answer with.
fn responses(procedure: &Procedure) -> Vec<MetaResponse> {
    let answer = (procedure.output)();
    let mut responses = vec![MetaResponse {
        description: match answer.status {
            201 => "Created",
            204 => "Done; there is no body",
            303 => "It is at another address, in the header `location`",
            _ => "OK",
        },
        status: Some(answer.status),
        status_range: None,
        content: answer
            .shape
            .iter()
            .map(|shape| MetaMediaType { content_type: "application/json", schema: inline(shape) })
            .collect(),
        headers: if answer.status == 303 { vec![location()] } else { Vec::new() },
    }];
    let mut codes = Vec::new();
    if answer.may_be_missing {
        codes.push(Code::NOT_FOUND);
    }
    // A query without an input refuses whatever stands in the query string.
    if procedure.input.is_some() || !procedure.path.is_empty() || procedure.is_query() {
        codes.push(Code::INVALID_INPUT);
    }
    if procedure.input.is_some() && !procedure.is_query() {
        codes.extend([Code::MALFORMED_JSON, Code::UNSUPPORTED_MEDIA_TYPE]);
    }
    if !procedure.is_query() {
        codes.extend([Code::BODY_TOO_LARGE, Code::REQUEST_TIMEOUT]);
    }
    if procedure.tier == Tier::Protected {
        codes.push(Code::UNAUTHENTICATED);
        if !procedure.is_query() {
            codes.push(Code::CROSS_SITE);
        }
    }
    codes.extend([Code::TOO_MANY_REQUESTS, Code::INTERNAL, Code::UNAVAILABLE, Code::TIMEOUT]);
    codes.extend(procedure.problems);
    // A handler may answer with the framework's other errors too, which have these statuses or the one below.
    let statuses: Vec<_> = codes.iter().map(|code| code.status).collect();
    codes.extend(Code::ALL.iter().filter(|code| statuses.contains(&code.status)));
    codes.sort_by_key(|code| (code.status, code.name));
    codes.dedup();
    responses.extend(codes.chunk_by(|a, b| a.status == b.status).map(failure_response));
    responses.push(MetaResponse {
        description: "Any other problem",
        status: None,
        status_range: None,
        content: vec![MetaMediaType {
            content_type: PROBLEM_MEDIA_TYPE,
            schema: MetaSchemaRef::Reference(PROBLEM.to_owned()),
        }],
        headers: Vec::new(),
    });
    responses
}

/// A problem document with one of these codes, which have one status.
fn failure_response(codes: &[Code]) -> MetaResponse {
    let mut titles: Vec<_> = codes.iter().map(|code| code.title).collect();
    titles.dedup();
    let mut names: Vec<_> = codes.iter().map(|code| Value::from(code.name)).collect();
    names.dedup();
    let code = MetaSchema { enum_items: names, ..MetaSchema::new("string") };
    let narrowed = MetaSchema {
        properties: vec![("code", MetaSchemaRef::Inline(Box::new(code)))],
        ..MetaSchema::new("object")
    };
    let schema = MetaSchema {
        all_of: vec![MetaSchemaRef::Reference(PROBLEM.to_owned()), MetaSchemaRef::Inline(Box::new(narrowed))],
        ..MetaSchema::ANY
    };
    MetaResponse {
        description: titles.join("; ").leak(),
        status: Some(codes[0].status),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: PROBLEM_MEDIA_TYPE,
            schema: MetaSchemaRef::Inline(Box::new(schema)),
        }],
        headers: if codes[0] == Code::TOO_MANY_REQUESTS { rate_limit_headers() } else { Vec::new() },
    }
}

/// What a caller is told of the limit that denied a request.
fn rate_limit_headers() -> Vec<MetaHeader> {
    let header = |name: &str, description: &str, schema| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new(schema))),
    };
    vec![
        header("Retry-After", "The seconds after which to try again.", "integer"),
        header("RateLimit", "What is left: `\"public\";r=0;t=12`, 12 seconds until there is more.", "string"),
        header("RateLimit-Policy", "The limit: `\"public\";q=100;w=60`, 100 in any 60 seconds.", "string"),
    ]
}

fn location() -> MetaHeader {
    MetaHeader {
        name: "Location".to_owned(),
        description: Some("A path or URL, to be read by GET.".to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "uri-reference"))),
    }
}

fn string(description: &'static str) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        description: Some(description),
        ..MetaSchema::new("string")
    }))
}

fn problem() -> MetaSchema {
    let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
    MetaSchema {
        description: Some("An error (RFC 9457)."),
        required: vec!["type", "title", "status", "code", "detail", "request_id"],
        properties: vec![
            (
                "type",
                string(
                    "`about:blank`, since `code` tells the kind; of a limit that is used up, the URL of that.",
                ),
            ),
            ("title", string("The kind of error, for people.")),
            (
                "status",
                inline(MetaSchema { description: Some("The HTTP status."), ..MetaSchema::new("integer") }),
            ),
            (
                "code",
                inline(MetaSchema {
                    description: Some("The kind of error, for programs; stable."),
                    ..MetaSchema::new("string")
                }),
            ),
            ("detail", string("What went wrong this time.")),
            (
                "request_id",
                inline(MetaSchema {
                    description: Some("Under this id the server's log has the cause."),
                    ..MetaSchema::new_with_format("string", "uuid")
                }),
            ),
            (
                "violated-policies",
                inline(MetaSchema {
                    description: Some("The limits that are used up."),
                    items: Some(Box::new(inline(MetaSchema::new("string")))),
                    ..MetaSchema::new("array")
                }),
            ),
            (
                "errors",
                inline(MetaSchema {
                    description: Some("Everything that is wrong with the input."),
                    items: Some(Box::new(MetaSchemaRef::Reference(FAILURE.to_owned()))),
                    ..MetaSchema::new("array")
                }),
            ),
        ],
        ..MetaSchema::new("object")
    }
}

fn failure() -> MetaSchema {
    MetaSchema {
        description: Some("One thing that is wrong with an input."),
        required: vec!["in", "pointer", "code", "message"],
        properties: vec![
            (
                "in",
                MetaSchemaRef::Inline(Box::new(MetaSchema {
                    enum_items: ["body", "query", "path"].map(Value::from).into(),
                    ..MetaSchema::new("string")
                })),
            ),
            ("pointer", string("A JSON pointer to the value at fault; empty for the whole input.")),
            ("code", string("What is wrong, for programs; stable.")),
            ("message", string("What is wrong, for people.")),
            ("expected", string("What would have been accepted.")),
        ],
        ..MetaSchema::new("object")
    }
}
