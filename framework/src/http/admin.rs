//! What those who run the application look at: whether it is ready, and what is counted.

use std::{sync::Arc, time::Duration};

use diesel_async::SimpleAsyncConnection as _;
use poem::{Endpoint, IntoResponse, Request, Response};
use tokio::time::timeout;

use crate::{
    auth::bearer,
    db::{Access, Pool, Scope},
    error::{Code, Error, Result},
    metrics,
    secret::Secret,
    services::Services,
};

/// How long the database may take before the process is not ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// `/readyz`: whether requests can be answered now. `/healthz` says only that the process is there.
pub(super) struct Ready(pub(super) Arc<Services>);

impl Endpoint for Ready {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        ready(&self.0.database.web).await?;
        Ok(Response::builder().content_type("text/plain; charset=utf-8").body("ready"))
    }
}

/// # Errors
/// `unavailable` when the database cannot be reached, or was never migrated.
async fn ready(pool: &Pool) -> Result<()> {
    let asked = async {
        let scope = Scope::new(pool.clone(), Access::ReadOnly);
        scope.aside().await?.batch_execute("SELECT catena.user_id()").await.map_err(|error| {
            Error::unavailable("the database has not been migrated, or does not answer").because(error)
        })
    };
    let late = |_| Error::unavailable("the database did not answer in time");
    timeout(PATIENCE, asked).await.map_err(late)?
}

/// `/metrics`.
pub(super) struct Metrics(pub(super) Arc<Services>);

impl Endpoint for Metrics {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        let text = metrics::text(&self.0);
        Ok(Response::builder().content_type(metrics::MEDIA_TYPE).body(text))
    }
}

/// What is shown to those who have the token only; to nobody if there is none.
pub(super) struct Guarded<E> {
    inner: E,
    token: Option<Secret>,
}

impl<E> Guarded<E> {
    pub(super) fn new(inner: E, token: &Option<Secret>) -> Self {
        Self { inner, token: token.clone() }
    }
}

impl<E: Endpoint> Endpoint for Guarded<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let Some(token) = &self.token else {
            return Err(Error::not_found("there is nothing at this path").into());
        };
        match bearer(request.headers()) {
            Some(sent) if token.is(sent) => Ok(self.inner.call(request).await?.into_response()),
            _ => Err(Error::new(
                Code::UNAUTHENTICATED,
                "send the token of whoever runs this, with the header `authorization: Bearer ..`",
            )
            .into()),
        }
    }
}
