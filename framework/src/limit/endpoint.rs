//! Where Redis is, from the settings.

use std::{fmt, net::IpAddr, path::PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

/// The port of Redis where none is written.
const PORT: u16 = 6379;

/// Where Redis is and how to log in. Its text tells no password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(super) place: Place,
    pub(super) is_tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<u8>,
    /// The settings that it was read from, for messages.
    pub(super) setting: &'static str,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    Server(String, u16),
    /// Some nodes of a cluster; the others are found through them.
    Cluster(Vec<(String, u16)>),
    Socket(PathBuf),
}

impl Endpoint {
    /// Derives the endpoint of a database of Upstash, whose token is the password of its user `default`. Plain `http`
    /// is for servers without TLS.
    ///
    /// # Errors
    /// What is wrong with the URL, as the rest of a sentence that begins with the setting's name.
    pub(crate) fn of_upstash(url: &str, token: String) -> Result<Self, String> {
        let url = Url::parse(url).ok().filter(|url| url.host_str().is_some_and(|host| !host.is_empty()));
        let url = url.ok_or("is no URL: write it as the console shows it, https://name.upstash.io")?;
        let is_tls = match url.scheme() {
            "https" | "rediss" => true,
            "http" | "redis" => false,
            other => return Err(format!("begins with `{other}`: write https://, or http:// without TLS")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user or a password in it: write the host alone, and the token into \
                        UPSTASH_REDIS_REST_TOKEN"
                .to_owned());
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Self {
            place: Place::Server(host, url.port().unwrap_or(PORT)),
            is_tls,
            user: Some("default".to_owned()),
            password: Some(token),
            database: None,
            setting: "UPSTASH_REDIS_REST_TOKEN",
        })
    }

    /// Reads the URL of a Redis.
    ///
    /// # Errors
    /// What is wrong with the URL, as the rest of a sentence that begins with the setting's name. It is not repeated:
    /// it holds a password.
    pub(crate) fn of_redis(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| "is no URL: write redis://user:password@host:6379")?;
        let (is_tls, is_cluster) = match url.scheme() {
            "redis" | "valkey" => (false, false),
            "rediss" | "valkeys" => (true, false),
            "redis-cluster" | "valkey-cluster" => (false, true),
            "rediss-cluster" | "valkeys-cluster" => (true, true),
            "unix" | "redis+unix" => return Self::of_socket(&url),
            "http" | "https" => {
                return Err("is the URL of the REST interface: set UPSTASH_REDIS_REST_URL and \
                            UPSTASH_REDIS_REST_TOKEN instead"
                    .to_owned());
            }
            other => {
                return Err(format!(
                    "begins with `{other}`: write redis://, rediss:// (TLS), redis-cluster://, rediss-cluster:// or \
                     unix://"
                ));
            }
        };
        let host =
            url.host_str().filter(|host| !host.is_empty()).ok_or("has no host: write redis://host:6379")?;
        let first = (bare(host), url.port().unwrap_or(PORT));
        let database = match url.path().trim_matches('/') {
            "" | "0" => None,
            _ if is_cluster => return Err("names a database: a cluster has only one".to_owned()),
            number => Some(
                number.parse().map_err(|_| "ends with no number of a database: write redis://host:6379/0")?,
            ),
        };
        let place =
            if is_cluster { Place::Cluster(nodes(&url, first)?) } else { Place::Server(first.0, first.1) };
        Ok(Self {
            place,
            is_tls,
            user: decoded(url.username()),
            password: url.password().and_then(decoded),
            database,
            setting: "REDIS_URL",
        })
    }

    fn of_socket(url: &Url) -> Result<Self, String> {
        if url.host_str().is_some_and(|host| !host.is_empty()) || url.path().len() < 2 {
            return Err("names no socket: write unix:///path/to/redis.sock".to_owned());
        }
        let path = percent_decode_str(url.path()).decode_utf8_lossy().into_owned();
        let password =
            url.query_pairs().find(|(name, _)| name == "password").map(|(_, value)| value.into_owned());
        Ok(Self {
            place: Place::Socket(path.into()),
            is_tls: false,
            user: None,
            password,
            database: None,
            setting: "REDIS_URL",
        })
    }

    /// Whether it leads to another machine, without encryption.
    pub(super) fn may_be_overheard(&self) -> bool {
        let here = |host: &str| {
            host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        };
        let is_here = match &self.place {
            Place::Server(host, _) => here(host),
            Place::Cluster(nodes) => nodes.iter().all(|(host, _)| here(host)),
            Place::Socket(_) => true,
        };
        !self.is_tls && !is_here
    }

    /// What only those know who may log in; empty where everybody may.
    pub(super) fn secret(&self) -> &[u8] {
        self.password.as_deref().unwrap_or_default().as_bytes()
    }
}

/// The nodes of a cluster: the host, and each `node=host:port` behind the question mark.
fn nodes(url: &Url, first: (String, u16)) -> Result<Vec<(String, u16)>, String> {
    let mut nodes = vec![first];
    for (_, node) in url.query_pairs().filter(|(name, _)| name == "node") {
        let read = node.rsplit_once(':').and_then(|(host, port)| Some((bare(host), port.parse().ok()?)));
        nodes.push(read.ok_or_else(|| format!("has the node `{node}`: write node=host:port"))?);
    }
    Ok(nodes)
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn decoded(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| percent_decode_str(text).decode_utf8_lossy().into_owned())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.is_tls { "s" } else { "" };
        match &self.place {
            Place::Server(host, port) => write!(f, "redis{tls}://{host}:{port}"),
            Place::Cluster(nodes) => {
                let nodes: Vec<_> = nodes.iter().map(|(host, port)| format!("{host}:{port}")).collect();
                write!(f, "redis{tls}-cluster://{}", nodes.join(","))
            }
            Place::Socket(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
