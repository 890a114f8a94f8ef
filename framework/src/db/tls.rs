//! Encrypted connections: what `sslmode` and `sslrootcert` in a URL ask for, and what a failed one is told as.

use std::{error::Error as _, io, path::PathBuf, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, Error as TlsError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio_postgres::{config::SslMode, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::SetupError;
use crate::tls;

/// How the connections to a server are encrypted; the names are PostgreSQL's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// Not at all.
    Disable,
    /// If the server has TLS; whoever it is. A handshake that fails is an error, not a reason to go without.
    Prefer,
    /// Always; whoever the server is.
    Require,
    /// Always, and the server proves to be the host of the URL to one of these authorities: those of a file, or the
    /// machine's.
    VerifyFull(Option<PathBuf>),
}

impl Encryption {
    /// Reads the two options of a URL.
    ///
    /// # Errors
    /// When they are no options of ours, or contradict each other.
    pub(super) fn read(mode: Option<&str>, authorities: Option<&str>) -> Result<Self, SetupError> {
        let invalid = |why: String| Err(SetupError::InvalidOption { why });
        let encryption = match mode {
            Some("disable") => Self::Disable,
            None | Some("prefer") => Self::Prefer,
            Some("require") => Self::Require,
            Some("verify-full") => {
                let file = authorities.filter(|name| *name != "system").map(PathBuf::from);
                return Ok(Self::VerifyFull(file));
            }
            Some(other) => {
                return invalid(format!(
                    "sslmode={other}: write `disable`, `prefer`, `require` or `verify-full`"
                ));
            }
        };
        if authorities.is_some() {
            let mode = mode.map_or_else(|| "is not set".to_owned(), |mode| format!("is `{mode}`"));
            return invalid(format!(
                "sslrootcert names authorities, which only sslmode=verify-full asks, and sslmode {mode}: write \
                 sslmode=verify-full, or leave sslrootcert out"
            ));
        }
        Ok(encryption)
    }

    /// What the driver does.
    pub(super) fn mode(&self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyFull(_) => SslMode::Require,
        }
    }

    /// What does the handshakes.
    ///
    /// # Errors
    /// When the authorities cannot be read.
    pub(super) fn handshakes(&self) -> Result<MakeRustlsConnect, SetupError> {
        let client = tls::client();
        let client = match self {
            Self::Disable | Self::Prefer | Self::Require => {
                client.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(tls::provider())))
            }
            Self::VerifyFull(file) => {
                let authorities = match file {
                    Some(file) => tls::authorities_in(file).map_err(|why| format!("sslrootcert: {why}")),
                    None => tls::system_authorities().map_err(|why| {
                        format!(
                            "{why}, or write the file of the server's authority: sslrootcert=/path/to/it.pem"
                        )
                    }),
                };
                client.with_root_certificates(authorities.map_err(|why| SetupError::InvalidOption { why })?)
            }
        };
        let mut client = client.with_no_client_auth();
        // Servers that begin with TLS at once (sslnegotiation=direct) insist on it.
        client.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(MakeRustlsConnect::new(client))
    }
}

/// Takes any certificate, as `prefer` and `require` say: they keep listeners out, not somebody in the middle.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Says what went wrong with a handshake and what to do about it, if it was one.
pub(super) fn explain(error: &tokio_postgres::Error) -> Option<String> {
    if let Some(said) = error.as_db_error() {
        let unencrypted = *said.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            && said.message().ends_with("no encryption");
        return unencrypted.then(|| {
            let advice = "write sslmode=require into the URL if it is encryption that the server wants";
            format!("{}; {advice}", said.message())
        });
    }
    let source = error.source()?;
    if source.to_string() == "server does not support TLS" {
        return Some(
            "the server has no TLS, and sslmode asks for it; turn `ssl` on there, or write sslmode=disable into the \
             URL if nobody can listen on the way"
                .to_owned(),
        );
    }
    let failed = source.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<TlsError>()?;
    Some(match failed {
        TlsError::InvalidCertificate(why) => format!("the server's certificate {}", refused(why)),
        other => format!("the TLS handshake failed: {other}"),
    })
}

fn refused(why: &CertificateError) -> String {
    match why {
        // The latter when an authority of the same name is trusted, such as an earlier one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "is signed by an authority that is not trusted here; write the authority's file into the URL: \
             sslrootcert=/path/to/it.pem"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            format!(
                "is not for {expected}, but for {}; write a host that it is for into the URL, or give the server a \
                 certificate for {expected}",
                names(presented)
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired; give the server a new one".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; look at the clocks of both machines".to_owned()
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "is that of an authority (CA:TRUE) itself; have the authority sign one for the server, without CA:TRUE"
                .to_owned()
        }
        other => format!("is refused: {other}"),
    }
}

/// The names of a certificate as people write them; they come as `DnsName("db.example")`.
fn names(presented: &[String]) -> String {
    let plain = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    match presented {
        [] => "no name at all".to_owned(),
        names => names.iter().map(plain).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
