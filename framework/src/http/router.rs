//! Every route the server has.

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt as _, Request, Response, Route,
    endpoint::BoxEndpoint,
    get,
    http::{HeaderValue, Method, header},
    web::Html,
};

use super::{
    admin::{Guarded, Metrics, Ready},
    endpoint::ProcedureEndpoint,
    front::Front,
};
use crate::{
    error::{Code, Error},
    procedure::Procedure,
    secret::Secret,
    services::Services,
    spec::Document,
};

/// Builds the endpoint that answers everything: procedures, their document and its page, and the health check.
pub(crate) fn router(
    services: &Arc<Services>,
    procedures: &[&'static Procedure],
    document: &Document,
) -> BoxEndpoint<'static, Response> {
    let token = services.settings.is_production().then(|| services.settings.admin_token.clone());
    let mut route = own_pages(services, document, token.as_ref());
    for same_path in procedures.chunk_by(|a, b| a.path() == b.path()) {
        let served = |&procedure| ProcedureEndpoint::new(procedure, services.clone());
        let methods = Methods(same_path.iter().map(served).collect());
        // What stands in braces in the document stands behind a colon in the router.
        let path = same_path[0].path().replace('{', ":").replace('}', "");
        route = route.at(path, methods);
    }
    Front::new(route).boxed()
}

/// Builds the endpoint of the second address: what is the framework's own, for everybody who can reach it.
pub(crate) fn admin_router(services: &Arc<Services>, document: &Document) -> BoxEndpoint<'static, Response> {
    Front::new(own_pages(services, document, None)).boxed()
}

/// What is the framework's own. Where there is a `token` (or none to be had), some of it is shown to those who have it.
fn own_pages(services: &Arc<Services>, document: &Document, token: Option<&Option<Secret>>) -> Route {
    let (docs, metrics) = (get(page(document.page().to_owned())), get(Metrics(services.clone())));
    let route = Route::new()
        .at("/healthz", get(text("text/plain; charset=utf-8", "ok".to_owned())))
        .at("/readyz", get(Ready(services.clone())))
        .at("/openapi.json", get(text("application/json", document.json().to_owned())));
    match token {
        None => route.at("/docs", docs).at("/metrics", metrics),
        Some(token) => {
            route.at("/docs", Guarded::new(docs, token)).at("/metrics", Guarded::new(metrics, token))
        }
    }
}

/// The procedures of one path, a method each.
struct Methods(Vec<ProcedureEndpoint>);

/// The methods that a path is there for, as the header `allow` lists them.
#[derive(Clone)]
pub(super) struct Allow(pub(super) HeaderValue);

impl Endpoint for Methods {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        // What may be read may also be asked for without its body, which the server then leaves out.
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        match self.0.iter().find(|endpoint| endpoint.procedure.method == *method) {
            Some(endpoint) => endpoint.call(request).await,
            None => Err(self.refusal()),
        }
    }
}

impl Methods {
    fn refusal(&self) -> poem::Error {
        let mut names: Vec<_> = self.0.iter().map(|endpoint| endpoint.procedure.method.as_str()).collect();
        if names.contains(&Method::GET.as_str()) {
            names.push(Method::HEAD.as_str());
        }
        let names = names.join(", ");
        let detail = format!("this path takes {names}; see /docs");
        let mut error = poem::Error::from(Error::new(Code::METHOD_NOT_ALLOWED, detail));
        if let Ok(value) = HeaderValue::try_from(names) {
            error.set_data(Allow(value));
        }
        error
    }
}

fn text(media_type: &'static str, body: String) -> impl Endpoint {
    poem::endpoint::make_sync(move |_| {
        Response::builder().header(header::CONTENT_TYPE, media_type).body(body.clone())
    })
}

fn page(html: String) -> impl Endpoint {
    poem::endpoint::make_sync(move |_| Html(html.clone()))
}
