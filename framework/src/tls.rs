//! TLS to other servers: who does the cryptography, and which authorities are trusted.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// The one provider of cryptography. It is named wherever TLS is set up and never installed for the whole process,
/// which belongs to the application.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What every client of ours begins with.
pub(crate) fn client() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
}

/// The authorities that this machine trusts, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
///
/// # Errors
/// When there are none.
pub(crate) fn system_authorities() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut authorities = RootCertStore::empty();
    authorities.add_parsable_certificates(found.certs);
    if authorities.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        let mend = if std::env::var_os("SSL_CERT_FILE").is_some_and(|file| !file.is_empty()) {
            "have SSL_CERT_FILE name a file of certificates in PEM"
        } else {
            "install the package `ca-certificates`"
        };
        return Err(format!("this machine knows no authorities{why}; {mend}"));
    }
    Ok(authorities)
}

/// The authorities in a file, one after the other in PEM.
///
/// # Errors
/// When it cannot be read, or holds something else.
pub(crate) fn authorities_in(file: &Path) -> Result<RootCertStore, String> {
    let unreadable = |why: &dyn ToString| format!("cannot read {}: {}", file.display(), why.to_string());
    let pem = std::fs::read(file).map_err(|error| unreadable(&error))?;
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        authorities.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if authorities.is_empty() {
        return Err(format!("{} has no certificate in PEM (-----BEGIN CERTIFICATE-----)", file.display()));
    }
    Ok(authorities)
}
