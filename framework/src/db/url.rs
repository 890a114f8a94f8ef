//! Connection URLs: taken apart, put together, and never shown with their password.

use std::{fmt, net::IpAddr, ops::Deref, path::Path};

use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

use super::{SetupError, setup_error::message, tls::Encryption};

/// A connection URL (`postgres://user:password@host/database?options`).
///
/// It derefs to the text, password included; `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url(String);

/// The options that are read here: how connections are encrypted, and which authorities are asked.
const OURS: [&str; 2] = ["sslmode", "sslrootcert"];

/// What may stand in a URL as it is (RFC 3986, unreserved).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The parts of a URL, as they stand in it.
struct Parts<'a> {
    login: &'a str,
    host: &'a str,
    database: &'a str,
    options: &'a str,
}

impl Url {
    /// Reads a URL from the settings.
    ///
    /// # Errors
    /// `InvalidUrl` when it is not `postgres://…` or has no user; `InvalidOption` when it asks for an encryption that
    /// there is not.
    pub(crate) fn parse(text: &str) -> Result<Self, SetupError> {
        let invalid = |why: &str| SetupError::InvalidUrl { why: why.to_owned() };
        let url = Self(text.trim().to_owned());
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.0.starts_with(scheme)) {
            return Err(invalid("it does not start with postgres://"));
        }
        if url.user().is_none_or(|user| user.is_empty()) {
            return Err(invalid("it names no user"));
        }
        url.config()?;
        Ok(url)
    }

    /// The URL of a server that listens in `directory`.
    pub(crate) fn socket(directory: &Path, user: &str, database: &str) -> Self {
        let host = encode(&directory.to_string_lossy());
        Self(format!("postgres://{}@{host}/{}", encode(user), encode(database)))
    }

    /// The user's name.
    pub(crate) fn user(&self) -> Option<String> {
        let login = self.parts().login;
        decode(login.split_once(':').map_or(login, |(user, _)| user))
    }

    /// The database's name; without one, PostgreSQL takes the user's name.
    pub(crate) fn database(&self) -> Option<String> {
        decode(self.parts().database).filter(|name| !name.is_empty())
    }

    /// The password, if it has one.
    pub(super) fn password(&self) -> Option<Vec<u8>> {
        self.config().ok()?.get_password().map(<[u8]>::to_owned)
    }

    /// What the driver needs to know.
    ///
    /// # Errors
    /// As [`Url::parse`].
    pub(super) fn config(&self) -> Result<Config, SetupError> {
        let encryption = self.encryption()?;
        let (url, _) = self.0.split_at(self.0.len() - self.parts().options.len());
        // The driver does not know all that these two may say.
        let theirs = self.options().filter(|(name, _)| !OURS.contains(&name.as_str())).map(|(_, text)| text);
        let options = theirs.collect::<Vec<_>>().join("&");
        // It names what it cannot read, and never its value.
        let unreadable = |error| SetupError::InvalidUrl { why: message(&error) };
        let mut config: Config = format!("{url}?{options}").parse().map_err(unreadable)?;
        // PostgreSQL has no TLS on sockets: who may reach one is for its folder to say.
        let sockets = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        config.ssl_mode(if sockets { SslMode::Disable } else { encryption.mode() });
        Ok(config)
    }

    /// How connections are to be encrypted.
    ///
    /// # Errors
    /// `InvalidOption`.
    pub(super) fn encryption(&self) -> Result<Encryption, SetupError> {
        let [mode, authorities] = OURS.map(|name| self.option(name));
        Encryption::read(mode.as_deref(), authorities.as_deref())
    }

    /// Whether it leads to another machine, and would go on without encryption.
    pub(crate) fn may_be_overheard(&self) -> bool {
        let insists = !matches!(self.encryption(), Ok(Encryption::Disable | Encryption::Prefer));
        let here = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => {
                name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
            }
        };
        !insists && self.config().is_ok_and(|config| !config.get_hosts().iter().all(here))
    }

    /// The value of an option; the last one counts.
    pub(super) fn option(&self, wanted: &str) -> Option<String> {
        let (_, text) = self.options().filter(|(name, _)| name == wanted).last()?;
        decode(text.split_once('=').map_or("", |(_, value)| value))
    }

    /// Each option's name, and how it stands in the URL.
    fn options(&self) -> impl Iterator<Item = (String, &str)> {
        let all = self.parts().options.trim_start_matches('?').split('&').filter(|text| !text.is_empty());
        all.map(|text| (decode(text.split('=').next().unwrap_or_default()).unwrap_or_default(), text))
    }

    /// The same server and options, another database.
    pub(crate) fn with_database(&self, database: &str) -> Self {
        let Parts { login, host, options, .. } = self.parts();
        Self(format!("postgres://{login}@{host}/{}{options}", encode(database)))
    }

    /// The same server, database and options, another login.
    pub(crate) fn with_login(&self, user: &str, password: Option<&str>) -> Self {
        let Parts { host, database, options, .. } = self.parts();
        let password = password.map(|password| format!(":{}", encode(password))).unwrap_or_default();
        Self(format!("postgres://{}{password}@{host}/{database}{options}", encode(user)))
    }

    fn parts(&self) -> Parts<'_> {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let (rest, options) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let (login, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
        Parts { login, host, database, options }
    }
}

impl Deref for Url {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { login, host, database, .. } = self.parts();
        let user = login.split_once(':').map_or(login, |(user, _)| user);
        write!(f, "postgres://{user}@{host}/{database}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &Url) -> Config {
        url.config().unwrap()
    }

    #[test]
    fn a_socket_directory_survives_the_url() {
        let url = Url::socket(Path::new("/tmp/a b%"), "some:one", "my/db");
        let config = config(&url);
        assert_eq!(config.get_hosts(), [Host::Unix("/tmp/a b%".into())]);
        assert_eq!(config.get_user(), Some("some:one"));
        assert_eq!(config.get_dbname(), Some("my/db"));
        assert_eq!(url.user().as_deref(), Some("some:one"));
        assert_eq!(url.database().as_deref(), Some("my/db"));
    }

    #[test]
    fn login_and_database_are_replaced_and_the_rest_stays() {
        let url = Url::parse("postgresql://root:p%40ss@db.example:6543/app?connect_timeout=3").unwrap();
        let other = url.with_login("app_web", Some("s:e/c@r?et")).with_database("other");
        let config = config(&other);
        assert_eq!(config.get_hosts(), [Host::Tcp("db.example".into())]);
        assert_eq!(config.get_ports(), [6543]);
        assert_eq!(config.get_user(), Some("app_web"));
        assert_eq!(config.get_password(), Some(&b"s:e/c@r?et"[..]));
        assert_eq!(config.get_dbname(), Some("other"));
        assert_eq!(config.get_connect_timeout(), Some(&std::time::Duration::from_secs(3)));
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = Url::parse("postgres://root:secret@localhost/app?password=secret").unwrap();
        assert_eq!(format!("{url:?}"), "postgres://root@localhost/app");
    }

    #[test]
    fn others_may_listen_only_on_the_way_to_another_machine_and_without_encryption() {
        let cases = [
            ("postgres://me@db.example/app", true),
            ("postgres://me@10.0.0.7/app?sslmode=disable", true),
            ("postgres://me@localhost,db.example/app?sslmode=prefer", true),
            ("postgres://me@db.example/app?sslmode=require", false),
            ("postgres://me@db.example/app?sslmode=verify-full", false),
            ("postgres://me@localhost/app", false),
            ("postgres://me@127.0.0.1:6543/app?sslmode=disable", false),
            ("postgres://me@%2Ftmp/app", false),
        ];
        for (url, expected) in cases {
            assert_eq!(Url::parse(url).unwrap().may_be_overheard(), expected, "{url}");
        }
    }

    #[test]
    fn what_is_not_a_url_is_refused() {
        for text in ["", "host=/tmp user=me", "mysql://me@localhost/app", "postgres://localhost/app"] {
            assert!(Url::parse(text).is_err(), "{text:?} was taken");
        }
    }
}
