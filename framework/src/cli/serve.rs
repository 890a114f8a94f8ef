//! `serve` and `work`.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use super::openapi;
use crate::{
    app::{App, BootError, Counting, Vars},
    http::{Front, server},
    jobs::{Announcer, Engine},
    settings::Settings,
};

/// How long requests and jobs that are running may go on once the process was asked to stop.
const GRACE: Duration = Duration::from_secs(25);

#[derive(Args, Default)]
pub(super) struct Serve {
    /// Serve the API only; leave jobs to other processes
    #[arg(long)]
    pub(super) no_jobs: bool,
}

pub(super) async fn serve(app: App, settings: Settings, vars: Vars, jobs: bool) -> Result<(), BootError> {
    let stop = stop_signal()?;
    let address = SocketAddr::from((settings.host, settings.port));
    let listener =
        TcpListener::bind(address).await.map_err(|error| BootError(vec![cannot_listen(address, &error)]))?;
    let admin = admin_listener(&settings).await?;
    let booted = app.boot(settings, vars, None, Counting::InRedis).await?;
    if !booted.services.settings.is_production() {
        openapi::keep_current(&booted.document);
    }
    let engine = if jobs { Some(Engine::start(booted.services.clone()).await?) } else { None };
    serve_admin(admin, booted.admin, &stop);
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!("listening on http://{address}, documentation at http://{address}/docs");
    let serving = server::serve(listener, booted.endpoint, stop.clone(), GRACE);
    match engine {
        // At once: nothing is claimed any more while requests finish, and all of it takes one grace, not two.
        Some(engine) => {
            let working = async {
                stop.cancelled().await;
                engine.shutdown(GRACE).await;
            };
            tokio::join!(serving, working);
        }
        None => {
            let _announcer = Announcer::start(booted.services.clone());
            serving.await;
        }
    }
    booted.services.database.close();
    tracing::info!("stopped");
    Ok(())
}

pub(super) async fn work(app: App, settings: Settings, vars: Vars) -> Result<(), BootError> {
    let stop = stop_signal()?;
    let admin = admin_listener(&settings).await?;
    let booted = app.boot(settings, vars, None, Counting::InRedis).await?;
    let engine = Engine::start(booted.services.clone()).await?;
    serve_admin(admin, booted.admin, &stop);
    tracing::info!("working on jobs");
    stop.cancelled().await;
    engine.shutdown(GRACE).await;
    booted.services.database.close();
    tracing::info!("stopped");
    Ok(())
}

/// Listens at the second address, if there is one.
async fn admin_listener(settings: &Settings) -> Result<Option<TcpListener>, BootError> {
    let Some(address) = settings.admin_listen else { return Ok(None) };
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) => {
            let fault = format!("cannot listen on {address}: {error}; set ADMIN_LISTEN to another address");
            Err(BootError(vec![fault]))
        }
    }
}

/// Serves the second address until `stop`: whoever looks at it may be cut off.
fn serve_admin(listener: Option<TcpListener>, endpoint: Arc<Front>, stop: &CancellationToken) {
    let Some(listener) = listener else { return };
    if let Ok(address) = listener.local_addr() {
        tracing::info!("metrics at http://{address}/metrics");
    }
    tokio::spawn(server::serve(listener, endpoint, stop.clone(), Duration::ZERO));
}

/// Says why the address cannot be had, and what to write instead.
fn cannot_listen(address: SocketAddr, error: &io::Error) -> String {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => "set PORT to another one, or to 0 for any that is free",
        ErrorKind::AddrNotAvailable => {
            "set HOST to an address of this machine, or to 0.0.0.0 for all of them"
        }
        ErrorKind::PermissionDenied => "set PORT to one from 1024",
        _ => "set HOST or PORT to something else",
    };
    format!("cannot listen on {address}: {error}; {advice}")
}

/// Returns a token that is cancelled when the process is asked to stop, by SIGINT or SIGTERM.
fn stop_signal() -> Result<CancellationToken, BootError> {
    let listen =
        |kind| signal(kind).map_err(|error| BootError(vec![format!("cannot listen for signals: {error}")]));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: running requests and jobs have {GRACE:?} to finish");
        stopped.cancel();
    });
    Ok(stop)
}
