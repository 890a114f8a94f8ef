//! The server and the way there: its version, clock and settings, and what stands in between.

use std::{
    pin::pin,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::timeout;
use tokio_postgres::SimpleQueryMessage;

use super::{Examination, Login, Session};
use crate::{
    db::{PoolSettings, SetupError, Url, setup::identifier},
    finding::{Finding, Level},
};

/// How far the clocks of two machines may be apart before anybody should care.
const SKEW: Duration = Duration::from_secs(1);

/// How long a pooler may take to find a connection for who looks for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The connections of one process outside its pools: of the engine, and of what announces jobs.
const ENGINE: usize = 2;

/// The oldest version that works.
const OLDEST: i32 = 14;

impl Examination {
    /// Looks at the server, for processes with these pools.
    pub(crate) async fn server(&self, pools: &PoolSettings) -> Vec<Finding> {
        let mut findings = self.refusals().to_vec();
        let found = async {
            if let Some(login) = self.logins().into_iter().flatten().next() {
                findings.push(version(login).await?);
                findings.push(clock(login).await?);
                findings.push(connections(login, pools).await?);
            }
            for (who, login, longest) in
                [("requests", &self.web, pools.request), ("jobs", &self.jobs, pools.attempt)]
            {
                if let Some(login) = login {
                    findings.extend(settings(who, login, longest).await?);
                }
            }
            if self.web.is_some() {
                findings.push(pooler("DATABASE_URL", &self.urls.web, None).await?);
            }
            if self.jobs.is_some() {
                findings.push(pooler("DATABASE_JOBS_URL", &self.urls.jobs, None).await?);
            }
            if let Some(owner) = &self.urls.owner {
                findings.push(match Login::open("DATABASE_OWNER_URL", owner).await {
                    Ok(_) => {
                        let why = "migrations could not keep the lock under which they run one at a time";
                        pooler("DATABASE_OWNER_URL", owner, Some(why)).await?
                    }
                    Err(fault) => fault,
                });
            }
            Ok::<_, SetupError>(())
        };
        if let Err(error) = found.await {
            findings.push(Finding::fault(error.to_string()));
        }
        findings
    }
}

impl Examination {
    /// Whether a pooler hands the sessions of jobs to others between transactions, or may do so.
    pub(crate) async fn shares_jobs(&self) -> bool {
        self.jobs.is_some() && !matches!(sessions(&self.urls.jobs).await, Ok(Sessions::Own))
    }

    /// The poolers behind which requests or jobs do not work, though everybody can log in.
    pub(super) async fn poolers(&self) -> Vec<Finding> {
        let found = async {
            let web = pooler("DATABASE_URL", &self.urls.web, None).await?;
            Ok::<_, SetupError>([web, pooler("DATABASE_JOBS_URL", &self.urls.jobs, None).await?])
        };
        match found.await {
            Ok(findings) => findings.into_iter().filter(|finding| finding.level > Level::Ok).collect(),
            Err(error) => vec![Finding {
                level: Level::Warning,
                what: format!("whether there is a pooler could not be found out: {error}"),
                mend: None,
            }],
        }
    }
}

async fn version(login: &Login) -> Result<Finding, SetupError> {
    let sql = "SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000,
        pg_is_in_recovery()";
    let row = login.session.row("ask for the version", sql).await?;
    let (version, major, is_standby): (String, i32, bool) = (row.get(0), row.get(1), row.get(2));
    let what = format!("the server is PostgreSQL {version}");
    Ok(if major < OLDEST {
        Finding::fault(format!("{what}; version {OLDEST} or newer is needed"))
    } else if is_standby {
        Finding::fault(format!(
            "{what}, a standby, to which nothing can be written: name the primary in the URLs"
        ))
    } else {
        Finding::ok(what)
    })
}

async fn clock(login: &Login) -> Result<Finding, SetupError> {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let before = now();
    let sql = "SELECT extract(epoch FROM clock_timestamp())::float8";
    let theirs: f64 = login.session.row("ask for the time", sql).await?.get(0);
    let after = now();
    // The server read its clock between the two.
    let apart = (before - theirs).max(theirs - after).max(0.0);
    Ok(if apart > SKEW.as_secs_f64() {
        Finding::warning(
            format!("the clocks of this machine and of the server are {apart:.1} s apart"),
            "have both keep time by NTP (chrony, systemd-timesyncd): cookies and signed cursors go by the one, \
             sessions and jobs by the other",
        )
    } else {
        Finding::ok("the clocks of this machine and of the server agree")
    })
}

/// Whether the server lets in as many connections as a process may open.
async fn connections(login: &Login, pools: &PoolSettings) -> Result<Finding, SetupError> {
    let sql = "SELECT server::int, coalesce(nullif(d.datconnlimit, -1), server)::int, quote_ident(d.datname)
        FROM pg_catalog.pg_database d, LATERAL (
            SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true), '0')::int
        ) AS allowed (server)
        WHERE d.datname = current_database()";
    let row = login.session.row("ask for the number of connections", sql).await?;
    let (server, database): (i32, i32) = (row.get(0), row.get(1));
    let needed = i32::try_from(pools.web + pools.jobs + ENGINE).unwrap_or(i32::MAX);
    let most = server.min(database);
    let enough = most / needed;
    let room = match enough {
        0 => "too few for one".to_owned(),
        1 => "enough for one, and not for the next to take its place".to_owned(),
        more => format!("enough for {more}"),
    };
    let what = format!("a process opens up to {needed} connections, and the server allows {most}: {room}");
    Ok(match enough {
        0 | 1 if database < server => Finding::warning(
            what,
            format!("ALTER DATABASE {} CONNECTION LIMIT {}", row.get::<_, String>(2), needed * 4),
        ),
        0 | 1 => Finding::warning(
            what + "; it reads max_connections when it starts",
            format!("ALTER SYSTEM SET max_connections = {}", needed * 4),
        ),
        _ => Finding::ok(what),
    })
}

/// What the role's sessions begin with, and what the longest of their work would make of it.
async fn settings(who: &str, login: &Login, longest: Duration) -> Result<Vec<Finding>, SetupError> {
    let sql = "SELECT current_setting('row_security') = 'off',
        (SELECT coalesce(bool_or(rolsuper OR rolbypassrls), false) FROM pg_catalog.pg_roles WHERE rolname = session_user),
        (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'),
        (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'idle_in_transaction_session_timeout')";
    let row = login.session.row("read the settings of the role", sql).await?;
    let role = identifier(&login.role);
    let mut findings = Vec::new();
    if row.get::<_, bool>(0) && !row.get::<_, bool>(1) {
        findings.push(Finding {
            mend: Some(format!("ALTER ROLE {role} SET row_security = on")),
            ..Finding::fault(format!(
                "the sessions of {who} begin with row_security = off, with which every query of a guarded table fails"
            ))
        });
    }
    for (column, setting) in [(2, "statement_timeout"), (3, "idle_in_transaction_session_timeout")] {
        let limit: i64 = row.get(column);
        let limit = Duration::from_millis(u64::try_from(limit).unwrap_or_default());
        let shown = format!("the sessions of {who} begin with {setting} = {} ms", limit.as_millis());
        if limit.is_zero() {
            findings.push(Finding::ok(format!("{setting} of {who} is left to the application")));
        } else if limit < longest {
            findings.push(Finding::warning(
                format!(
                    "{shown}, less than the {} s that {who} may take; 0 leaves it to the application",
                    longest.as_secs()
                ),
                format!("ALTER ROLE {role} SET {setting} = 0"),
            ));
        } else {
            findings.push(Finding::ok(shown));
        }
    }
    Ok(findings)
}

/// How a URL's sessions turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sessions {
    /// Each is its own.
    Own,
    /// A pooler hands its connections to others between transactions; statements that were prepared are found again.
    Shared,
    /// The same, and what was prepared is gone.
    Forgetful,
}

/// How often a session is asked which one it is: a pooler may have several, and hand them out in any order.
const LOOKS: usize = 3;

/// Finds out by two sessions whether a pooler exchanges them: as with PgBouncer's `pool_mode = transaction`.
async fn sessions(url: &Url) -> Result<Sessions, SetupError> {
    let doing = "look for a pooler";
    let (one, other) = tokio::try_join!(Session::open(url), Session::open(url))?;
    let prepared = one.client().prepare("SELECT true").await;
    let first = number(&one).await?;
    // Within a transaction it keeps what it got, which may be the connection that was just given back.
    other.client().batch_execute("BEGIN").await.map_err(SetupError::sql(doing))?;
    let mut is_shared = number(&other).await? == first;
    if !is_shared {
        other.client().batch_execute("ROLLBACK").await.map_err(SetupError::sql(doing))?;
        for _ in 0..LOOKS {
            is_shared |= number(&one).await? != first;
        }
    }
    if !is_shared {
        return Ok(Sessions::Own);
    }
    let Ok(prepared) = prepared else { return Ok(Sessions::Forgetful) };
    let mut again = pin!(one.client().query(&prepared, &[]));
    let found = match timeout(PATIENCE, &mut again).await {
        Ok(found) => found.is_ok(),
        // The pooler has no other connection than that.
        Err(_) => {
            other.client().batch_execute("ROLLBACK").await.map_err(SetupError::sql(doing))?;
            again.await.is_ok()
        }
    };
    Ok(if found { Sessions::Shared } else { Sessions::Forgetful })
}

/// The number of the server's session that a session has just now. Without prepared statements, which may be what does not
/// work.
async fn number(session: &Session) -> Result<Option<String>, SetupError> {
    let said = session.client().simple_query("SELECT pg_backend_pid()").await;
    let said = said.map_err(SetupError::sql("look for a pooler"))?;
    Ok(said.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

/// What that means: every query is a prepared statement, and who needs more of a session says `why`.
async fn pooler(setting: &str, url: &Url, why: Option<&str>) -> Result<Finding, SetupError> {
    let shared = format!("{setting} leads to a pooler that shares connections between transactions");
    let (what, mend) = match (sessions(url).await?, why) {
        (Sessions::Own, _) => return Ok(Finding::ok(format!("{setting} leads to sessions of its own"))),
        (Sessions::Shared, None) => {
            return Ok(Finding::ok(format!("{shared}, and finds prepared statements again")));
        }
        (Sessions::Shared | Sessions::Forgetful, Some(why)) => (
            format!("{shared}: {why}"),
            format!("name the server itself in {setting}, or a pooler with pool_mode = session"),
        ),
        (Sessions::Forgetful, None) => (
            format!("{shared}, and forgets prepared statements, which every query is"),
            format!(
                "name the server itself in {setting}, or PgBouncer 1.21 or newer with max_prepared_statements = 200, or \
                 a pooler with pool_mode = session"
            ),
        ),
    };
    Ok(Finding { mend: Some(mend), ..Finding::fault(what) })
}

#[cfg(all(test, feature = "testing"))]
mod tests;
