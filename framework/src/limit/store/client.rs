//! How the client of Redis is set up: it must neither wait nor try again by itself.

use std::time::Duration;

use fred::{
    prelude::{Builder, Client, Config, ReconnectPolicy, ServerConfig},
    types::{
        ClusterHash,
        config::{Options, TlsConfig, TlsConnector, UnresponsiveConfig},
    },
};

use super::{
    super::endpoint::{Endpoint, Place},
    IN_FLIGHT,
};
use crate::tls;

/// How one command is sent: once, within this time, and not at all without a connection. In a cluster it goes where its
/// first key is, the third word; the client takes that from here alone.
pub(super) fn options(budget: Duration) -> Options {
    Options {
        max_attempts: Some(1),
        fail_fast: true,
        // None at all would be no end.
        timeout: Some(budget.max(Duration::from_millis(1))),
        cluster_hash: Some(ClusterHash::Offset(2)),
        ..Options::default()
    }
}

/// A client that is not connected yet. Without a policy it tries once.
pub(super) fn client(endpoint: &Endpoint, policy: Option<ReconnectPolicy>) -> Result<Client, String> {
    let tls = if endpoint.is_tls {
        let config = tls::client().with_root_certificates(tls::system_authorities()?).with_no_client_auth();
        Some(TlsConfig::from(TlsConnector::from(config)))
    } else {
        None
    };
    let config = Config {
        fail_fast: policy.is_none(),
        server: match &endpoint.place {
            Place::Server(host, port) => ServerConfig::new_centralized(host, *port),
            Place::Cluster(nodes) => ServerConfig::new_clustered(nodes.clone()),
            Place::Socket(path) => ServerConfig::Unix { path: path.clone() },
        },
        username: endpoint.user.clone(),
        password: endpoint.password.clone(),
        database: endpoint.database,
        tls,
        ..Config::default()
    };
    let mut builder = Builder::from_config(config);
    builder.with_connection_config(|connection| {
        connection.connection_timeout = Duration::from_secs(2);
        connection.internal_command_timeout = Duration::from_secs(2);
        connection.max_command_attempts = 1;
        connection.max_command_buffer_len = IN_FLIGHT;
        connection.reconnect_on_auth_error = policy.is_some();
        connection.unresponsive = UnresponsiveConfig {
            max_timeout: Some(Duration::from_secs(1)),
            interval: Duration::from_millis(250),
        };
        connection.tcp.nodelay = Some(true);
    });
    if let Some(policy) = policy {
        builder.set_policy(policy);
    }
    builder.build().map_err(|error| error.to_string())
}
