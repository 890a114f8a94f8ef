//! Which address a request comes from, by one explicit policy.
//!
//! Anybody can write any header. A policy therefore reads one place only, which a proxy of the operator's own fills; a
//! request that lacks it, or has something else there, counts as that of the peer.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    str::FromStr,
};

use poem::http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The headers by which proxies tell for whom they ask.
const FORWARDING: [HeaderName; 4] = [
    X_FORWARDED_FOR,
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("cf-connecting-ip"),
];

/// Where the address of a client is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientIp {
    /// The other end of the connection.
    Peer,
    /// The address in `X-Forwarded-For` that the first of so many proxies has added: the so-maniest from the right.
    Forwarded(NonZeroUsize),
    /// The address in a header that a proxy sets, whatever its client sent.
    Header(HeaderName),
}

impl ClientIp {
    /// The address of a client; `None` if the connection has none, as that of a Unix socket.
    pub(crate) fn of(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let told = match self {
            Self::Peer => None,
            Self::Forwarded(proxies) => {
                // Several lines are one list. A line that is no text has one entry, which is no address.
                let lines = headers.get_all(X_FORWARDED_FOR);
                let entries = lines.iter().flat_map(|line| line.to_str().unwrap_or("?").split(','));
                let entries: Vec<_> = entries.collect();
                entries.len().checked_sub(proxies.get()).and_then(|at| address(entries[at]))
            }
            // A proxy that adds a line of its own adds it last.
            Self::Header(name) => {
                headers.get_all(name).iter().next_back().and_then(|line| address(line.to_str().ok()?))
            }
        };
        told.or(peer).map(|address| address.to_canonical())
    }

    /// Whether a request looks as if a proxy had sent it on: its peer is of a private network and it says for whom.
    pub(super) fn is_forwarded(peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        peer.is_none_or(is_private) && FORWARDING.iter().any(|name| headers.contains_key(name))
    }
}

/// What tells clients apart: an IPv4 address, or the first half of an IPv6 address, since a client has the other half
/// to itself.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

/// Reads an address as proxies write it: bare or with a port, an IPv6 address also in brackets or with a zone.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        return Some(with_port.ip());
    }
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let (bare, _zone) = text.split_once('%').unwrap_or((text, ""));
    bare.parse().map(IpAddr::V6).ok()
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        // 100.64/10 is what carriers and clouds share.
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.octets()[0] == 100 && v4 & Ipv4Addr::new(0, 192, 0, 0) == Ipv4Addr::new(0, 64, 0, 0)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

impl FromStr for ClientIp {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(':') {
            None if text == "peer" => Ok(Self::Peer),
            Some(("xff", proxies)) => proxies.parse().map(Self::Forwarded).map_err(drop),
            Some(("header", name)) => name.parse().map(Self::Header).map_err(drop),
            _ => Err(()),
        }
    }
}

impl fmt::Display for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer => f.write_str("peer"),
            Self::Forwarded(proxies) => write!(f, "xff:{proxies}"),
            Self::Header(name) => write!(f, "header:{name}"),
        }
    }
}

#[cfg(test)]
mod tests;
