//! The order of work of one request: limits, body, caller, input, handler, answer.

use std::{
    future::{Future, poll_fn},
    io,
    net::IpAddr,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use hyper::{Response, body::Body as _};
use poem::http::{HeaderMap, HeaderValue, Method, Uri, header};
use tokio::{sync::OnceCell, time::sleep};

use super::{Call, front::Arrival, payload::Payload};
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

/// A request for a procedure.
pub(super) struct Asked {
    pub(super) arrival: Arrival,
    /// The address that it came from, if it has one.
    pub(super) peer: Option<IpAddr>,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    /// What stands in the path, by name.
    pub(super) path: Vec<(&'static str, String)>,
    pub(super) body: Payload,
}

impl ProcedureEndpoint {
    pub(crate) fn new(procedure: &'static Procedure, services: Arc<Services>) -> Self {
        Self { procedure, services, requests: Requests::new(procedure.id(), procedure.method.as_str()) }
    }

    /// Answers a request, and counts it.
    ///
    /// # Errors
    /// What the caller is told in a problem document, or what is logged.
    pub(super) async fn answer(&self, asked: Asked) -> Result<Response<Bytes>> {
        let mut running = self.requests.begin(asked.arrival.at);
        let answer = self.work(asked).await;
        running.answered(answer.as_ref().map_or_else(|error| error.code().status, |it| it.status().as_u16()));
        answer
    }

    async fn work(&self, asked: Asked) -> Result<Response<Bytes>> {
        let Asked { arrival, peer, method, uri, mut headers, path, body } = asked;
        let client = match &self.services.settings.limits.client_ip {
            Some(policy) => policy.of(peer, &headers),
            None => peer.map(|peer| peer.to_canonical()),
        };
        let limits = self.services.limits.as_ref();
        let ledger = match limits {
            Some(limits) => {
                limits.notice_proxy(peer, &headers);
                limits.enter(self.procedure, client).await?
            }
            None => Ledger::default(),
        };
        // HTTP/2 names the host in the address.
        if let Some(authority) = uri.authority()
            && !headers.contains_key(header::HOST)
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            headers.insert(header::HOST, host);
        }
        let body = if self.procedure.is_query() { Bytes::new() } else { self.read(&headers, body).await? };

        let access = if self.procedure.is_query() { Access::ReadOnly } else { Access::ReadWrite };
        let request = Arc::new(RequestScope {
            scope: Scope::new(self.services.database.web.clone(), access),
            services: self.services.clone(),
            procedure: self.procedure,
            method,
            headers,
            client,
            id: arrival.id,
            caller: OnceCell::new(),
            cookies: Mutex::default(),
            standing: Standing::default(),
            ledger,
        });
        let limited = limits.map(|_| request.clone());
        let query = uri.query().unwrap_or_default().to_owned();
        let call = Call { procedure: self.procedure, request, path, query, body };
        let limit = limit(self.procedure);
        match within(limit, AssertUnwindSafe((self.procedure.call)(call)).catch_unwind()).await {
            Some(Ok(result)) => {
                let mut response = result?;
                if let Some(request) = limited {
                    request.ledger.write(response.headers_mut());
                }
                Ok(response)
            }
            Some(Err(panic)) => {
                Err(Error::internal(format!("the handler panicked: {}", panic_text(&*panic))))
            }
            None => Err(Error::new(Code::TIMEOUT, format!("the handler took longer than {limit:?}"))),
        }
    }

    async fn read(&self, headers: &HeaderMap, body: Payload) -> Result<Bytes> {
        let default = if self.procedure.tier == Tier::Auth { AUTH_BODY_LIMIT } else { BODY_LIMIT };
        let limit = self.procedure.settings.body_limit.map_or(default, |bytes| bytes as usize);
        let too_large =
            || Error::new(Code::BODY_TOO_LARGE, format!("the body may have at most {limit} bytes"));
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > limit) {
            return Err(too_large());
        }
        match within(TIMEOUT, collect(body, limit)).await {
            Some(Ok(Some(bytes))) => Ok(bytes),
            Some(Ok(None)) => Err(too_large()),
            Some(Err(error)) => Err(Error::new(Code::BAD_REQUEST, "the body broke off").because(error)),
            None => {
                Err(Error::new(Code::REQUEST_TIMEOUT, format!("the body did not arrive within {TIMEOUT:?}")))
            }
        }
    }
}

/// Awaits `work` for at most `limit`; `None` if that is over. There is no timer before there is something to wait for.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut alarm = None;
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => {
            let alarm = alarm.get_or_insert_with(|| Box::pin(sleep(limit)));
            alarm.as_mut().poll(context).map(|()| None)
        }
    })
    .await
}

/// Reads a whole body; `None` if it has more bytes than `limit`. A body that comes in one piece, as most do, is not
/// copied.
async fn collect(mut body: Payload, limit: usize) -> io::Result<Option<Bytes>> {
    let mut first = Bytes::new();
    let mut whole = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        // What follows the body (trailers) is nobody's.
        let Ok(piece) = frame?.into_data() else { continue };
        if piece.len() > limit - whole.len().max(first.len()) {
            return Ok(None);
        }
        if first.is_empty() {
            first = piece;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&piece);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(Some(if whole.is_empty() { first } else { whole.into() }))
}
