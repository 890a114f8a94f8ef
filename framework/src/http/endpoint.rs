//! The order of work of one request: limits, body, caller, input, handler, answer.

use std::{
    io,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, TryStreamExt as _};
use poem::{
    Body, Endpoint, Request, Response,
    http::{HeaderValue, header},
};
use tokio::{sync::OnceCell, time::timeout};
use uuid::Uuid;

use super::{Arrival, Call};
use crate::{
    auth::Standing,
    ctx::RequestScope,
    db::{Access, Scope},
    error::{Code, Error, Result, panic_text},
    limit::Ledger,
    metrics::Requests,
    procedure::{self, Procedure, Tier},
    services::Services,
};

/// How long a handler may take unless it says otherwise, and how long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The longest body, unless a procedure says otherwise.
const BODY_LIMIT: usize = 1024 * 1024;

/// The longest body of a procedure of tier `auth`: what strangers may send without limit must be cheap.
const AUTH_BODY_LIMIT: usize = 8 * 1024;

/// How long a handler may take.
fn limit(procedure: &Procedure) -> Duration {
    procedure.settings.timeout.unwrap_or(TIMEOUT)
}

/// How long any handler of this binary may take.
pub(crate) fn longest_request() -> Duration {
    procedure::all().into_iter().map(limit).max().unwrap_or(TIMEOUT)
}

/// Serves one procedure.
pub(crate) struct ProcedureEndpoint {
    pub(crate) procedure: &'static Procedure,
    services: Arc<Services>,
    requests: Requests,
}

impl Endpoint for ProcedureEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let arrival = request.data().copied().unwrap_or_else(Arrival::now);
        let mut running = self.requests.begin(arrival.at);
        let answer = self.answer(request, arrival.id).await;
        running.answered(answer.as_ref().map_or_else(|error| error.code().status, |it| it.status().as_u16()));
        // The error keeps its type on the way out: `Front` turns it into a problem document and logs it.
        Ok(answer?)
    }
}

impl ProcedureEndpoint {
    pub(crate) fn new(procedure: &'static Procedure, services: Arc<Services>) -> Self {
        Self { procedure, services, requests: Requests::new(procedure.id(), procedure.method.as_str()) }
    }

    async fn answer(&self, request: Request, id: Uuid) -> Result<Response> {
        let peer = request.remote_addr().as_socket_addr().map(|address| address.ip());
        let client = match &self.services.settings.limits.client_ip {
            Some(policy) => policy.of(peer, request.headers()),
            None => peer.map(|peer| peer.to_canonical()),
        };
        let limits = self.services.limits.as_ref();
        let ledger = match limits {
            Some(limits) => {
                limits.notice_proxy(peer, request.headers());
                limits.enter(self.procedure, client).await?
            }
            None => Ledger::default(),
        };
        let query = request.uri().query().unwrap_or_default().to_owned();
        let path = self.procedure.path.iter().filter_map(|parameter| {
            Some((parameter.name, request.raw_path_param(parameter.name)?.to_owned()))
        });
        let path = path.collect();
        let (mut parts, body) = request.into_parts();
        // HTTP/2 names the host in the address.
        if let Some(authority) = parts.uri.authority()
            && !parts.headers.contains_key(header::HOST)
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            parts.headers.insert(header::HOST, host);
        }
        let body =
            if self.procedure.is_query() { Bytes::new() } else { self.read(&parts.headers, body).await? };

        let access = if self.procedure.is_query() { Access::ReadOnly } else { Access::ReadWrite };
        let request = Arc::new(RequestScope {
            scope: Scope::new(self.services.database.web.clone(), access),
            services: self.services.clone(),
            procedure: self.procedure,
            method: parts.method,
            headers: parts.headers,
            client,
            id,
            caller: OnceCell::new(),
            cookies: Mutex::default(),
            standing: Standing::default(),
            ledger,
        });
        let limited = limits.map(|_| request.clone());
        let call = Call { procedure: self.procedure, request, path, query, body };
        let limit = limit(self.procedure);
        let outcome = timeout(limit, AssertUnwindSafe((self.procedure.call)(call)).catch_unwind()).await;
        match outcome {
            Ok(Ok(result)) => {
                let mut response = result?;
                if let Some(request) = limited {
                    request.ledger.write(response.headers_mut());
                }
                Ok(response)
            }
            Ok(Err(panic)) => Err(Error::internal(format!("the handler panicked: {}", panic_text(&*panic)))),
            Err(_) => Err(Error::new(Code::TIMEOUT, format!("the handler took longer than {limit:?}"))),
        }
    }

    async fn read(&self, headers: &header::HeaderMap, body: Body) -> Result<Bytes> {
        let default = if self.procedure.tier == Tier::Auth { AUTH_BODY_LIMIT } else { BODY_LIMIT };
        let limit = self.procedure.settings.body_limit.map_or(default, |bytes| bytes as usize);
        let too_large =
            || Error::new(Code::BODY_TOO_LARGE, format!("the body may have at most {limit} bytes"));
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > limit) {
            return Err(too_large());
        }
        match timeout(TIMEOUT, collect(body, limit)).await {
            Ok(Ok(Some(bytes))) => Ok(bytes),
            Ok(Ok(None)) => Err(too_large()),
            Ok(Err(error)) => Err(Error::new(Code::BAD_REQUEST, "the body broke off").because(error)),
            Err(_) => {
                Err(Error::new(Code::REQUEST_TIMEOUT, format!("the body did not arrive within {TIMEOUT:?}")))
            }
        }
    }
}

/// Reads a whole body; `None` if it has more bytes than `limit`. A body that comes in one piece, as most do, is not
/// copied.
async fn collect(body: Body, limit: usize) -> io::Result<Option<Bytes>> {
    let mut pieces = body.into_bytes_stream();
    let first = pieces.try_next().await?.unwrap_or_default();
    let mut whole = Vec::new();
    let mut length = first.len();
    while length <= limit {
        let Some(piece) = pieces.try_next().await? else {
            return Ok(Some(if whole.is_empty() { first } else { whole.into() }));
        };
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        length += piece.len();
        whole.extend_from_slice(&piece);
    }
    Ok(None)
}
