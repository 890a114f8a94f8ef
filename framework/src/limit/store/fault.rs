//! Why limits cannot be kept in a Redis, in words that say what to write instead. The client's own are a category and
//! the inside of a type.

use fred::error::{Error, ErrorKind};

use super::super::endpoint::Endpoint;

/// Why limits cannot be kept in a Redis.
#[derive(Debug)]
pub(in crate::limit) enum Fault {
    /// It cannot be reached now; it may be later.
    Unreachable(String),
    /// It says no, and will say no again.
    Refused(String),
}

impl Fault {
    /// Tells apart what will mend itself and what will not.
    pub(super) fn of(endpoint: &Endpoint, error: &Error) -> Self {
        let (setting, details) = (endpoint.setting, error.details());
        let says = |word| details.starts_with(word);
        if says("WRONGPASS") || says("ERR invalid password") {
            let advice = if setting == "REDIS_URL" {
                "write the user and the password that it knows, redis://user:password@host:6379"
            } else {
                "copy the token from the console again; a read-only token will not do, since limits are written"
            };
            Self::Refused(format!("Redis refuses {setting}: {advice}"))
        } else if says("NOAUTH") {
            Self::Refused(format!(
                "Redis asks for a password that {setting} lacks: write redis://:password@host:6379"
            ))
        } else if says("NOPERM") {
            Self::Refused(format!(
                "the user of {setting} may not keep limits ({details}): allow it EVAL, EVALSHA, MGET, SET, PTTL and TIME \
                 on the keys `*:limit:*`"
            ))
        } else if says("READONLY") {
            Self::Refused(format!(
                "{endpoint} is a replica, which cannot count: write the address of its master"
            ))
        } else if let Some(why) = untrusted(details) {
            Self::Refused(format!("the certificate of {endpoint} {why}"))
        } else if *error.kind() == ErrorKind::Tls {
            Self::Refused(format!("the TLS handshake with {endpoint} failed: {details}"))
        } else if *error.kind() == ErrorKind::Auth {
            Self::Refused(format!("Redis refuses {setting} ({details})"))
        } else if *error.kind() == ErrorKind::Timeout {
            Self::silent(endpoint)
        } else {
            Self::Unreachable(match plain(error) {
                why if why == BROKEN && !endpoint.is_tls => {
                    format!("{why}; if it speaks TLS, write rediss:// or https://")
                }
                why => why,
            })
        }
    }

    /// It can be reached, and does not say a word.
    pub(super) fn silent(endpoint: &Endpoint) -> Self {
        let hint = if endpoint.is_tls {
            "; if it does not speak TLS, write redis:// or http://"
        } else {
            "; if it speaks TLS, write rediss:// or https://"
        };
        Self::Unreachable(format!("it does not answer{hint}"))
    }
}

const BROKEN: &str = "the connection broke";

/// What an error says, without the inside of the system's.
pub(super) fn plain(error: &Error) -> String {
    let details = error.details();
    if details.contains("ConnectionRefused") {
        "nobody listens there".to_owned()
    } else if ["ConnectionReset", "UnexpectedEof", "BrokenPipe"].iter().any(|kind| details.contains(kind)) {
        BROKEN.to_owned()
    } else if details.contains("failed to lookup address") {
        "no machine has that name".to_owned()
    } else if let Some(why) = untrusted(details) {
        format!("its certificate {why}")
    } else {
        details.trim_end_matches('.').to_owned()
    }
}

/// Why a certificate is not accepted, if that is what an error says. All that comes of rustls's own error is the way it
/// prints itself for programmers.
fn untrusted(details: &str) -> Option<String> {
    let (_, why) = details.split_once("InvalidCertificate(")?;
    let is = |word| why.starts_with(word);
    Some(if is("UnknownIssuer") || is("BadSignature") {
        "is signed by an authority that is not trusted here: install it, or name its file in SSL_CERT_FILE"
            .to_owned()
    } else if is("NotValidForName") {
        let (_, presented) = why.split_once("presented: [").unwrap_or_default();
        let names: Vec<_> = presented.split("\\\"").skip(1).step_by(2).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        format!("is for another host: write the name of one that it is for ({names})")
    } else if is("Expired") {
        "has expired: give that Redis a new one".to_owned()
    } else if is("NotValidYet") {
        "is not valid yet: look at the clocks of both machines".to_owned()
    } else if why.contains("CaUsedAsEndEntity") {
        "is that of an authority (CA:TRUE) itself: have the authority sign one for the server, without CA:TRUE"
            .to_owned()
    } else {
        format!("is refused: {}", why.trim_end_matches([' ', ')', '}']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io(inner: &str) -> Error {
        Error::new(
            ErrorKind::IO,
            format!("Custom {{ kind: InvalidData, error: InvalidCertificate({inner}) }}"),
        )
    }

    fn said(error: &Error) -> String {
        let endpoint = Endpoint::of_redis("rediss://:hush@redis.test").unwrap();
        match Fault::of(&endpoint, error) {
            Fault::Refused(why) => why,
            Fault::Unreachable(why) => format!("unreachable: {why}"),
        }
    }

    #[test]
    fn each_certificate_that_is_refused_is_explained() {
        let names = r#"NotValidForNameContext { expected: DnsName("redis.test"), presented: ["DnsName(\"a.test\")", "DnsName(\"b.test\")"] }"#;
        for (inner, expected) in [
            ("UnknownIssuer", "is signed by an authority that is not trusted here"),
            ("BadSignature", "is signed by an authority that is not trusted here"),
            (names, "is for another host: write the name of one that it is for (a.test, b.test)"),
            ("ExpiredContext { time: UnixTime(2), not_after: UnixTime(1) }", "has expired: give that Redis"),
            ("NotValidYet", "is not valid yet: look at the clocks"),
            ("Other(OtherError(CaUsedAsEndEntity))", "is that of an authority (CA:TRUE) itself"),
            ("Revoked", "is refused: Revoked"),
        ] {
            let (text, expected) =
                (said(&io(inner)), format!("the certificate of rediss://redis.test:6379 {expected}"));
            assert!(text.starts_with(&expected), "{inner}: {text}");
        }
    }

    #[test]
    fn what_may_mend_itself_is_no_refusal() {
        let lookup = r#"Custom { kind: Uncategorized, error: "failed to lookup address information: Name or service" }"#;
        for (kind, details, expected) in [
            (ErrorKind::IO, lookup, "unreachable: no machine has that name"),
            (
                ErrorKind::Timeout,
                "Request timed out.",
                "unreachable: it does not answer; if it does not speak TLS, write redis:// or http://",
            ),
            (ErrorKind::IO, "Os { kind: ConnectionReset }", "unreachable: the connection broke"),
            (ErrorKind::IO, "Os { kind: ConnectionRefused }", "unreachable: nobody listens there"),
        ] {
            assert_eq!(said(&Error::new(kind, details.to_owned())), expected);
        }
    }
}
