//! Every setting: its name, meaning and default, read once at boot.

use std::{
    env,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use crate::{
    app::Vars,
    db::Url,
    limit::{ClientIp, Endpoint, Quota, Quotas, Setup},
    secret::Secret,
    units,
};

/// A setting of the process, read from an environment variable (in development also from `.env`).
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// The value when it is not set, as text; empty for none.
    pub default: &'static str,
    /// What it means, in a line or two.
    pub about: &'static str,
}

const CATENA_ENV: Setting = Setting {
    name: "CATENA_ENV",
    default: "development",
    about: "`development` or `production`. Production neither starts a database of its own nor migrates at start.",
};
const HOST: Setting = Setting { name: "HOST", default: "127.0.0.1", about: "The address to listen on." };
const PORT: Setting =
    Setting { name: "PORT", default: "8000", about: "The port to listen on; 0 for any free one." };
const DATABASE_URL: Setting = Setting {
    name: "DATABASE_URL",
    default: "",
    about: "PostgreSQL for requests, as a role under row-level security. In development one URL of a privileged role \
            is enough: the three roles are made with it. Without it, development starts a private PostgreSQL.",
};
const DATABASE_JOBS_URL: Setting = Setting {
    name: "DATABASE_JOBS_URL",
    default: "",
    about: "PostgreSQL for jobs, as a role past row-level security (BYPASSRLS).",
};
const DATABASE_OWNER_URL: Setting = Setting {
    name: "DATABASE_OWNER_URL",
    default: "",
    about: "PostgreSQL for migrations, as the role that owns the tables.",
};
const CATENA_SECRET: Setting = Setting {
    name: "CATENA_SECRET",
    default: "",
    about: "What the application signs with, the same for all its processes: at least 32 characters that nobody can \
            guess (`openssl rand -hex 32`). Development makes one and keeps it in `.catena/secret`.",
};
const CATENA_ADMIN_TOKEN: Setting = Setting {
    name: "CATENA_ADMIN_TOKEN",
    default: "",
    about: "Who sends it (`authorization: Bearer ..`) may read `/metrics` and `/docs` in production: at least 32 \
            characters that nobody can guess (`openssl rand -hex 32`).",
};
const ADMIN_LISTEN: Setting = Setting {
    name: "ADMIN_LISTEN",
    default: "",
    about: "A second address, which only you can reach, such as 127.0.0.1:9000: `/metrics` and `/docs` are there \
            without a token, also while only jobs are worked on.",
};
const SESSION_IDLE: Setting = Setting {
    name: "SESSION_IDLE",
    default: "7d",
    about: "How long a session lives without being used: a number and s, m, h or d.",
};
const SESSION_LIFETIME: Setting = Setting {
    name: "SESSION_LIFETIME",
    default: "30d",
    about: "How long a session lives at most, however much it is used. Both hold for sessions opened from then on.",
};
const JOB_SLOTS: Setting = Setting {
    name: "JOB_SLOTS",
    default: "50",
    about: "How many jobs a process runs at once, from 1 to 10000.",
};
const JOB_QUEUES: Setting = Setting {
    name: "JOB_QUEUES",
    default: "",
    about: "How many of these a queue may have, such as `mail=5, reports=1`; 0 leaves it to other processes. Queues \
            that are not named may have all.",
};
const CATENA_DIR: Setting = Setting {
    name: "CATENA_DIR",
    default: ".catena",
    about: "The folder of what development keeps: the private PostgreSQL, the secret.",
};
const PG_BIN: Setting = Setting {
    name: "PG_BIN",
    default: "",
    about: "The folder of the programs of that PostgreSQL (`initdb`, `postgres`), where they are not found by \
            themselves.",
};
const UPSTASH_REDIS_REST_URL: Setting = Setting {
    name: "UPSTASH_REDIS_REST_URL",
    default: "",
    about: "The Redis in which all processes together count requests, https://name.upstash.io. With its token it \
            switches rate limits on.",
};
const UPSTASH_REDIS_REST_TOKEN: Setting = Setting {
    name: "UPSTASH_REDIS_REST_TOKEN",
    default: "",
    about: "The token of that Redis; not the read-only one.",
};
const REDIS_URL: Setting = Setting {
    name: "REDIS_URL",
    default: "",
    about: "Any other Redis for rate limits: redis://, rediss:// (TLS), redis-cluster://, rediss-cluster:// or \
            unix://. Without one of the two, nothing is limited.",
};
const RATE_LIMIT_PUBLIC: Setting = Setting {
    name: "RATE_LIMIT_PUBLIC",
    default: "100/1m",
    about: "How often one address may call what is public: a count and a window of `s`, `m`, `h` or `d`.",
};
const RATE_LIMIT_AUTH: Setting = Setting {
    name: "RATE_LIMIT_AUTH",
    default: "10/1m",
    about: "How often one address may try to sign in and the like.",
};
const RATE_LIMIT_ACCOUNT: Setting = Setting {
    name: "RATE_LIMIT_ACCOUNT",
    default: "5/15m",
    about: "How often anybody may try to sign in to one account and the like; each browser that was signed in to it \
            before counts for itself.",
};
const RATE_LIMIT_PROTECTED: Setting = Setting {
    name: "RATE_LIMIT_PROTECTED",
    default: "300/1m",
    about: "How often one signed-in user may call.",
};
const CLIENT_IP: Setting = Setting {
    name: "CLIENT_IP",
    default: "peer",
    about: "Where the address of a client is read: `peer`, the other end of the connection; `xff:<n>`, X-Forwarded-For \
            behind n proxies; or `header:<name>`, a header that a proxy sets itself.",
};
const RUST_LOG: Setting = Setting {
    name: "RUST_LOG",
    default: "info",
    about: "What is logged: a level, or levels by module (`warn,my_app=debug`).",
};
const LOG_FORMAT: Setting = Setting {
    name: "LOG_FORMAT",
    default: "text",
    about: "`text` for people, `json` for programs: a line an event.",
};

/// The framework's own settings, in the order in which `--help` lists them.
pub(crate) const ALL: &[Setting] = &[
    CATENA_ENV,
    HOST,
    PORT,
    DATABASE_URL,
    DATABASE_JOBS_URL,
    DATABASE_OWNER_URL,
    CATENA_SECRET,
    CATENA_ADMIN_TOKEN,
    ADMIN_LISTEN,
    SESSION_IDLE,
    SESSION_LIFETIME,
    JOB_SLOTS,
    JOB_QUEUES,
    CATENA_DIR,
    PG_BIN,
    UPSTASH_REDIS_REST_URL,
    UPSTASH_REDIS_REST_TOKEN,
    REDIS_URL,
    RATE_LIMIT_PUBLIC,
    RATE_LIMIT_AUTH,
    RATE_LIMIT_ACCOUNT,
    RATE_LIMIT_PROTECTED,
    CLIENT_IP,
    RUST_LOG,
    LOG_FORMAT,
];

/// The most jobs that a process may be told to run at once.
const MOST_SLOTS: usize = 10_000;

/// Whether `CATENA_ENV` is `production`, whatever may be wrong with other settings.
pub(crate) fn is_production(lookup: &Vars) -> bool {
    lookup(CATENA_ENV.name).is_some_and(|value| value.trim() == "production")
}

/// The settings of a process.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) environment: Environment,
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) database_url: Option<Url>,
    pub(crate) database_jobs_url: Option<Url>,
    pub(crate) database_owner_url: Option<Url>,
    /// Always there in production.
    pub(crate) secret: Option<Secret>,
    /// What `/metrics` and `/docs` are shown for in production.
    pub(crate) admin_token: Option<Secret>,
    /// Where they are shown to everybody.
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) session_idle: Duration,
    pub(crate) session_lifetime: Duration,
    /// How many jobs run at once, and how many of each queue.
    pub(crate) job_slots: usize,
    pub(crate) job_queues: Vec<(String, usize)>,
    pub(crate) dir: PathBuf,
    pub(crate) limits: Setup,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// Where the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Environment {
    Development,
    Production,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Settings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// Everything that is wrong, a sentence each.
    pub(crate) fn from_env() -> Result<Self, Vec<String>> {
        Self::read(|name| env::var(name).ok())
    }

    /// Reads the settings by `lookup`, which returns the value of a variable. An empty value is as good as none.
    pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut reader = Reader { lookup, faults: Vec::new() };
        let environment = reader.one_of(
            CATENA_ENV,
            &[("development", Environment::Development), ("production", Environment::Production)],
        );
        let host = reader.parsed(HOST, "an IP address such as 127.0.0.1 or 0.0.0.0");
        let port = reader.parsed(PORT, "a port number from 0 to 65535");
        let [database_url, database_jobs_url, database_owner_url] =
            [DATABASE_URL, DATABASE_JOBS_URL, DATABASE_OWNER_URL].map(|setting| reader.database_url(setting));
        let secret = reader.secret(CATENA_SECRET, environment);
        let [session_idle, session_lifetime] =
            [SESSION_IDLE, SESSION_LIFETIME].map(|setting| reader.duration(setting));
        if session_idle > session_lifetime {
            reader.faults.push(
                "SESSION_IDLE is longer than SESSION_LIFETIME, so it would never count: write a shorter one"
                    .to_owned(),
            );
        }
        let admin_token = reader.secret(CATENA_ADMIN_TOKEN, None);
        let admin_listen = reader
            .optional(ADMIN_LISTEN)
            .and_then(|_| reader.parsed(ADMIN_LISTEN, "an address and a port, such as 127.0.0.1:9000"));
        let job_slots = reader.number(JOB_SLOTS, 1..=MOST_SLOTS);
        let job_queues = reader.queues(JOB_QUEUES);
        let dir = reader.text(CATENA_DIR).into();
        let limits = reader.limits();
        let log = reader.text(RUST_LOG);
        if tracing_subscriber::EnvFilter::try_new(&log).is_err() {
            reader.faults.push(format!(
                "RUST_LOG={log}: write a level (error, warn, info, debug or trace), or levels by module, as in \
                 `warn,my_app=debug`"
            ));
        }
        let log_format = reader.one_of(LOG_FORMAT, &[("text", LogFormat::Text), ("json", LogFormat::Json)]);

        if environment == Some(Environment::Production) {
            for (setting, url, why) in [
                (DATABASE_URL, &database_url, "requests, under row-level security"),
                (DATABASE_JOBS_URL, &database_jobs_url, "jobs, past row-level security"),
            ] {
                if url.is_none() {
                    reader.faults.push(format!(
                        "{} is not set: production needs a role of PostgreSQL for {why}; write its URL, \
                         postgres://user:password@host/database",
                        setting.name
                    ));
                }
            }
        }
        if database_url.is_none() && (database_jobs_url.is_some() || database_owner_url.is_some()) {
            reader.faults.push(
                "DATABASE_URL is not set although DATABASE_JOBS_URL or DATABASE_OWNER_URL is: set it, or none of them"
                    .to_owned(),
            );
        }
        match (environment, host, port, limits, log_format) {
            (Some(environment), Some(host), Some(port), Some(limits), Some(log_format))
                if reader.faults.is_empty() =>
            {
                Ok(Self {
                    environment,
                    host,
                    port,
                    database_url,
                    database_jobs_url,
                    database_owner_url,
                    secret,
                    admin_token,
                    admin_listen,
                    session_idle,
                    session_lifetime,
                    job_slots,
                    job_queues,
                    dir,
                    limits,
                    log,
                    log_format,
                })
            }
            _ => {
                reader.faults.dedup();
                Err(reader.faults)
            }
        }
    }

    pub(crate) fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }

    /// The name of the session's cookie. Browsers refuse the `__Host-` prefix without TLS, which development lacks.
    pub(crate) fn cookie_name(&self) -> &'static str {
        if self.is_production() { "__Host-catena" } else { "catena" }
    }

    /// The name of the cookie that says to which accounts a browser has signed in before.
    pub(crate) fn device_cookie_name(&self) -> &'static str {
        if self.is_production() { "__Host-catena-device" } else { "catena-device" }
    }
}

/// What `CLIENT_IP` may be.
const CLIENT_IPS: &str =
    "`peer`, `xff:1` (or how many proxies there are) or `header:x-real-ip` (or what your proxy sets)";

/// Reads variables and gathers what is wrong with them.
struct Reader<L> {
    lookup: L,
    faults: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    fn optional(&self, setting: Setting) -> Option<String> {
        (self.lookup)(setting.name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn text(&self, setting: Setting) -> String {
        self.optional(setting).unwrap_or_else(|| setting.default.to_owned())
    }

    fn parsed<T: FromStr>(&mut self, setting: Setting, expected: &str) -> Option<T> {
        let value = self.text(setting);
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.faults.push(format!("{}={value}: write {expected}", setting.name));
        }
        parsed
    }

    /// A whole number within `range`; its least if it is wrong.
    fn number(&mut self, setting: Setting, range: RangeInclusive<usize>) -> usize {
        let value = self.text(setting);
        let read = value.parse().ok().filter(|number| range.contains(number));
        if read.is_none() {
            let (least, most) = (range.start(), range.end());
            self.faults.push(format!("{}={value}: write a number from {least} to {most}", setting.name));
        }
        read.unwrap_or(*range.start())
    }

    /// Queues with slots each; none if they are wrong.
    fn queues(&mut self, setting: Setting) -> Vec<(String, usize)> {
        let value = self.text(setting);
        let read = queues(&value);
        if read.is_none() {
            self.faults.push(format!(
                "{}={value}: write queues with how many of their jobs may run at once, from 0 to {MOST_SLOTS}, as in \
                 `mail=5, reports=1`",
                setting.name
            ));
        }
        read.unwrap_or_default()
    }

    /// A time of at least a second and at most ten years; nothing if it is wrong.
    fn duration(&mut self, setting: Setting) -> Duration {
        let value = self.text(setting);
        let read = duration(&value);
        if read.is_none() {
            self.faults.push(format!(
                "{}={value}: write a number and s, m, h or d, as in `30m` or `{}`, at most `3650d`",
                setting.name, setting.default
            ));
        }
        read.unwrap_or_default()
    }

    fn one_of<T: Copy>(&mut self, setting: Setting, values: &[(&str, T)]) -> Option<T> {
        let value = self.text(setting);
        let found = values.iter().find(|(name, _)| *name == value).map(|(_, found)| *found);
        if found.is_none() {
            let names: Vec<_> = values.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.faults.push(format!("{}={value}: write {}", setting.name, names.join(" or ")));
        }
        found
    }

    /// The value is not repeated in a fault.
    fn secret(&mut self, setting: Setting, environment: Option<Environment>) -> Option<Secret> {
        match self.optional(setting).map(Secret::new) {
            Some(Ok(secret)) => return Some(secret),
            Some(Err(error)) => self.faults.push(format!("{} {error}", setting.name)),
            None if environment == Some(Environment::Production) => self.faults.push(format!(
                "{} is not set: production signs with it; write at least 32 characters that nobody can guess, as \
                 `openssl rand -hex 32` prints them, the same for all processes",
                setting.name
            )),
            None => {}
        }
        None
    }

    fn limits(&mut self) -> Option<Setup> {
        let redis = self.redis();
        let [public, auth, account, protected] =
            [RATE_LIMIT_PUBLIC, RATE_LIMIT_AUTH, RATE_LIMIT_ACCOUNT, RATE_LIMIT_PROTECTED]
                .map(|setting| self.quota(setting));
        let client_ip: Option<ClientIp> =
            self.optional(CLIENT_IP).and_then(|_| self.parsed(CLIENT_IP, CLIENT_IPS));
        let quotas = Quotas { public: public?, auth: auth?, account: account?, protected: protected? };
        Some(Setup { redis, quotas, client_ip })
    }

    /// The values are not repeated in a fault: they hold passwords.
    fn redis(&mut self) -> Option<Endpoint> {
        let [url, token, redis] = [UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, REDIS_URL]
            .map(|setting| self.optional(setting));
        let (setting, read) = match (url, token, redis) {
            (Some(url), Some(token), _) => (UPSTASH_REDIS_REST_URL, Endpoint::of_upstash(&url, token)),
            (None, None, Some(url)) => (REDIS_URL, Endpoint::of_redis(&url)),
            (None, None, None) => return None,
            (url, _, _) => {
                let (set, missing) = match url {
                    Some(_) => (UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN),
                    None => (UPSTASH_REDIS_REST_TOKEN, UPSTASH_REDIS_REST_URL),
                };
                self.faults.push(format!(
                    "{} is set and {} is not: set both, which switches rate limits on, or none of them",
                    set.name, missing.name
                ));
                return None;
            }
        };
        read.map_err(|fault| self.faults.push(format!("{} {fault}", setting.name))).ok()
    }

    fn quota(&mut self, setting: Setting) -> Option<Quota> {
        let value = self.text(setting);
        value.parse().map_err(|advice| self.faults.push(format!("{}={value}: {advice}", setting.name))).ok()
    }

    /// The value is not repeated in a fault: it holds a password.
    fn database_url(&mut self, setting: Setting) -> Option<Url> {
        match Url::parse(&self.optional(setting)?) {
            Ok(url) => Some(url),
            Err(error) => {
                self.faults.push(format!("{}: {error}", setting.name));
                None
            }
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(3650 * 24 * 60 * 60);
    let read = units::duration(text).filter(|_| !text.ends_with("ms"));
    read.filter(|time| (Duration::from_secs(1)..=LONGEST).contains(time))
}

/// Reads `mail=5, reports=1`.
fn queues(text: &str) -> Option<Vec<(String, usize)>> {
    let queue = |pair: &str| {
        let (name, slots) = pair.split_once('=')?;
        let slots = slots.trim().parse().ok().filter(|slots| *slots <= MOST_SLOTS)?;
        Some((name.trim().to_owned(), slots))
    };
    text.split(',').filter(|pair| !pair.trim().is_empty()).map(queue).collect()
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
