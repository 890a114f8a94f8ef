//! Every route the server has.

use std::{collections::HashMap, sync::Arc};

use http_body_util::combinators::BoxBody;
use hyper::http::request::Parts;
use poem::{
    Addr, Body, Endpoint, Request, RequestParts, Response, Route, get,
    http::{HeaderValue, Method, header, uri::Scheme},
    web::{Html, LocalAddr, RemoteAddr},
};

use super::{
    admin::{Guarded, Metrics, Ready},
    endpoint::{Asked, ProcedureEndpoint},
    front::{Arrival, Ends, Front},
    payload::Payload,
};
use crate::{
    error::{Code, Error},
    procedure::Procedure,
    secret::Secret,
    services::Services,
    spec::Document,
};

/// Builds what answers everything: procedures, their document and its page, and the health check.
pub(crate) fn router(
    services: &Arc<Services>,
    procedures: &[&'static Procedure],
    document: &Document,
) -> Front {
    let token = services.settings.is_production().then(|| services.settings.admin_token.clone());
    let mut routes = Routes::new(own_pages(services, document, token.as_ref()));
    for same_path in procedures.chunk_by(|a, b| a.path() == b.path()) {
        let served = |&procedure| ProcedureEndpoint::new(procedure, services.clone());
        routes.add(&same_path[0].path(), Methods(same_path.iter().map(served).collect()));
    }
    Front::new(routes)
}

/// Builds what answers at the second address: what is the framework's own, for everybody who can reach it.
pub(crate) fn admin_router(services: &Arc<Services>, document: &Document) -> Front {
    Front::new(Routes::new(own_pages(services, document, None)))
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

/// Who answers at which path.
pub(super) struct Routes {
    /// The procedures at paths without parameters. They are most, and found by a look at a table; on poem's way each
    /// request is boxed twice and given what only poem's own middleware reads.
    plain: HashMap<Box<str>, Methods>,
    others: Route,
}

impl Routes {
    fn new(others: Route) -> Self {
        Self { plain: HashMap::new(), others }
    }

    fn add(&mut self, path: &str, methods: Methods) {
        if path.contains('{') {
            // What stands in braces in the document stands behind a colon in the router.
            let others = std::mem::take(&mut self.others);
            self.others = others.at(path.replace('{', ":").replace('}', ""), methods);
        } else {
            self.plain.insert(path.into(), methods);
        }
    }

    /// The procedures at a path without parameters, and the path.
    pub(super) fn plain(&self, path: &str) -> Option<(&str, &Methods)> {
        self.plain.get_key_value(path).map(|(path, methods)| (&**path, methods))
    }

    /// Answers at any other path.
    pub(super) async fn other(
        &self,
        parts: Parts,
        body: Payload,
        ends: Ends,
        arrival: Arrival,
    ) -> poem::Result<hyper::Response<Payload>> {
        let local = LocalAddr(ends.local.map(Addr::SocketAddr).unwrap_or_default());
        let remote = RemoteAddr(ends.remote.map(Addr::SocketAddr).unwrap_or_default());
        let parts = RequestParts::from((parts, local, remote, Scheme::HTTP));
        let mut request = Request::from_parts(parts, Body::from(BoxBody::new(body)));
        request.set_data(arrival);
        Ok(hyper::Response::from(self.others.call(request).await?).map(Payload::Boxed))
    }
}

/// The procedures of one path, a method each.
pub(super) struct Methods(Vec<ProcedureEndpoint>);

/// The methods that a path is there for, as the header `allow` lists them.
#[derive(Clone)]
pub(super) struct Allow(pub(super) HeaderValue);

impl Endpoint for Methods {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let endpoint = self.find(request.method())?;
        let path = endpoint.procedure.path.iter().filter_map(|parameter| {
            Some((parameter.name, request.raw_path_param(parameter.name)?.to_owned()))
        });
        let path = path.collect();
        let arrival = request.data().copied().unwrap_or_else(Arrival::now);
        let peer = request.remote_addr().as_socket_addr().map(|address| address.ip());
        let (RequestParts { method, uri, headers, .. }, body) = request.into_parts();
        let body = Payload::Boxed(body.into());
        let response = endpoint.answer(Asked { arrival, peer, method, uri, headers, path, body }).await?;
        Ok(response.map(Payload::Whole).into())
    }
}

impl Methods {
    /// # Errors
    /// `method_not_allowed`.
    pub(super) fn find(&self, method: &Method) -> poem::Result<&ProcedureEndpoint> {
        // What may be read may also be asked for without its body, which the server then leaves out.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.0.iter().find(|endpoint| endpoint.procedure.method == *method).ok_or_else(|| self.refusal())
    }

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
