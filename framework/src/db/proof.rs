//! The proof that requests and jobs log in as roles that may what they need, and no more.
//!
//! The boot looks at logins, migrations, roles and tables; `doctor` at the rest too. Each rule stands once, as a query of
//! `pg_catalog`, which returns what is wrong together with the SQL that mends it:
//!
//! - `roles.sql`: what the roles may and own, and whose members they are;
//! - `tables.sql`: what requests reach past row-level security;
//! - `fallback.sql`: what is hidden from jobs whose role is under row-level security;
//! - `policies.sql`: policies that cost more than they need.
//!
//! What the server says of itself, and how it is reached, is in `server.rs`.

mod server;

use tokio_postgres::Row;

use super::{Migrations, Prepared, SetupError, Url, setup::Session};
use crate::finding::{Finding, Level};

const ROLES: &str = include_str!("proof/roles.sql");
const TABLES: &str = include_str!("proof/tables.sql");
const FALLBACK: &str = include_str!("proof/fallback.sql");
const POLICIES: &str = include_str!("proof/policies.sql");

/// What a server and its copies have in common. Not every host lets everybody ask.
const SERVER: &str = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";

/// A database under examination: the logins of requests and jobs, tried.
pub(crate) struct Examination {
    web: Option<Login>,
    jobs: Option<Login>,
    urls: Urls,
    refusals: Vec<Finding>,
    is_production: bool,
    /// Whether this program is about to migrate, or could.
    migrates: bool,
}

/// Where they, and migrations, log in.
struct Urls {
    web: Url,
    jobs: Url,
    owner: Option<Url>,
}

/// One of the two, logged in.
struct Login {
    session: Session,
    /// The role that the server knows it as, which poolers may have another name for.
    role: String,
    database: String,
    /// Which server it is, whatever it is called; `None` where that is not told.
    server: Option<String>,
}

impl Login {
    async fn open(setting: &str, url: &Url) -> Result<Self, Finding> {
        let opened = async {
            let session = Session::open(url).await?;
            let sql = "SELECT session_user::text, current_database()::text";
            let row = session.row("ask for the name of the role", sql).await?;
            let (role, database) = (row.get(0), row.get(1));
            let server = session.texts("tell servers apart", SERVER, &[]).await.ok();
            Ok(Self { session, role, database, server: server.map(|server| server.concat()) })
        };
        opened.await.map_err(|error: SetupError| Finding::fault(format!("{setting}: {error}")))
    }

    /// Whether the two are in the same database, as far as can be told.
    fn is_beside(&self, other: &Self) -> bool {
        let one_server = match (&self.server, &other.server) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        one_server && self.database == other.database
    }
}

impl Examination {
    /// Logs in. In development what only production does not start with is a warning.
    pub(crate) async fn open(prepared: &Prepared, is_production: bool) -> Self {
        let (web, jobs) = tokio::join!(
            Login::open("DATABASE_URL", &prepared.web),
            Login::open("DATABASE_JOBS_URL", &prepared.jobs)
        );
        let mut refusals = Vec::new();
        let [web, jobs] = [web, jobs].map(|login| login.map_err(|fault| refusals.push(fault)).ok());
        if let (Some(web), Some(jobs)) = (&web, &jobs)
            && !web.is_beside(jobs)
        {
            let what = "requests and jobs use two databases, so no job would ever be found";
            let mend = "have DATABASE_URL and DATABASE_JOBS_URL name the same server and database";
            refusals.push(Finding { mend: Some(mend.to_owned()), ..Finding::fault(what) });
        }
        let urls =
            Urls { web: prepared.web.clone(), jobs: prepared.jobs.clone(), owner: prepared.owner.clone() };
        Self {
            web,
            jobs,
            urls,
            refusals,
            is_production,
            migrates: !is_production && prepared.owner.is_some(),
        }
    }

    /// Everything that keeps an application from starting, and what it warns of when it does.
    pub(crate) async fn proof(&self, migrations: &Migrations) -> Vec<Finding> {
        let mut findings = self.refusals.clone();
        if self.web.is_some() && self.jobs.is_some() && !findings.is_empty() {
            // What is found in one of two databases says nothing of the other.
            return findings;
        }
        findings.extend(self.migrations(migrations).await);
        findings.extend(self.roles().await);
        findings.extend(self.tables().await);
        if self.is_production {
            findings.extend(self.poolers().await);
        }
        findings
    }

    /// The logins that the server refused, or that do not belong together.
    pub(crate) fn refusals(&self) -> &[Finding] {
        &self.refusals
    }

    /// The login of jobs, which sees every table; none if there is no one database to look at.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.jobs.as_ref().filter(|_| self.refusals.is_empty()).map(|login| &login.session)
    }

    /// The logins of requests and of jobs.
    fn logins(&self) -> [Option<&Login>; 2] {
        [self.web.as_ref(), self.jobs.as_ref()]
    }

    /// What has not been migrated. Applications may well be made to work before their migrations have run, so those are
    /// warnings; the framework is not.
    pub(crate) async fn migrations(&self, migrations: &Migrations) -> Vec<Finding> {
        const MEND: &str = "run the command `migrate`";
        let Some(jobs) = &self.jobs else { return Vec::new() };
        let status = async {
            // Without it nobody can tell; and that is a fault of the role.
            let may_look =
                "SELECT has_schema_privilege(to_regnamespace('catena')::oid, 'USAGE') IS NOT FALSE";
            match jobs.session.ask("look for migrations", may_look, &[]).await? {
                true => migrations.status_in(&jobs.session).await.map(Some),
                false => Ok(None),
            }
        };
        let status = match status.await {
            Ok(Some(status)) => status,
            Ok(None) => return Vec::new(),
            Err(error) => return vec![Finding::fault(error.to_string())],
        };
        let (house, own): (Vec<_>, Vec<_>) = status.into_iter().partition(|migration| migration.house);
        let is_new = house.iter().all(|migration| !migration.applied);
        let pending = house.iter().filter(|migration| !migration.applied);
        let pending = pending.map(|migration| migration.name.as_str()).collect::<Vec<_>>().join(", ");
        let level = if self.migrates { Level::Warning } else { Level::Fault };
        let found = |level, what| Finding { level, what, mend: Some(MEND.to_owned()) };
        let mut findings = Vec::new();
        if is_new {
            findings.push(found(level, "the database has not been migrated".to_owned()));
            return findings;
        }
        if !pending.is_empty() {
            let what = format!("the database lacks what this version of catena needs ({pending})");
            findings.push(found(level, what));
        }
        let own = own.into_iter().filter(|migration| !migration.applied);
        findings.extend(
            own.map(|migration| {
                found(Level::Warning, format!("the migration {} has not run", migration.name))
            }),
        );
        findings
    }

    /// What the roles may beyond what they need, and what they lack.
    pub(crate) async fn roles(&self) -> Vec<Finding> {
        self.ask(ROLES).await
    }

    /// What requests reach past row-level security, and what it hides from jobs.
    pub(crate) async fn tables(&self) -> Vec<Finding> {
        let mut findings = self.ask(TABLES).await;
        findings.extend(self.ask(FALLBACK).await);
        findings
    }

    /// What policies cost beyond what they need.
    pub(crate) async fn policies(&self) -> Vec<Finding> {
        self.ask(POLICIES).await
    }

    /// Asks about the two roles, as whichever of them could log in.
    async fn ask(&self, sql: &str) -> Vec<Finding> {
        let [web, jobs] = self.logins().map(|login| login.map(|login| login.role.as_str()));
        let Some(login) = self.logins().into_iter().flatten().next() else { return Vec::new() };
        match login.session.rows("examine the database", sql, &[&web, &jobs]).await {
            Ok(rows) => rows.iter().map(|row| self.finding(row)).collect(),
            Err(error) => vec![Finding::fault(error.to_string())],
        }
    }

    /// Says how bad it is here.
    fn finding(&self, row: &Row) -> Finding {
        let level = match row.get("level") {
            "warning" => Level::Warning,
            "production" if !self.is_production => Level::Warning,
            _ => Level::Fault,
        };
        Finding { level, what: row.get("what"), mend: row.get("mend") }
    }
}

/// Has the role of jobs see every row: by a policy on each table that has policies, where it is under row-level
/// security; where it is not, such policies go. For the owner, once migrations have run. Tables of others are left to
/// them, and to the proof.
pub(super) async fn let_jobs_see(owner: &Session, web: &str, jobs: &str) -> Result<(), SetupError> {
    const NEEDLESS: &str = "
        SELECT format('DROP POLICY catena_jobs ON %I.%I', n.nspname, c.relname)
        FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_roles jobs ON p.polroles = ARRAY[jobs.oid]
        WHERE p.polname = 'catena_jobs' AND jobs.rolname = $1 AND (jobs.rolsuper OR jobs.rolbypassrls)
            AND pg_has_role(c.relowner, 'USAGE')";
    let doing = "let the role of jobs see every row";
    let missing = format!("WITH needed AS ({FALLBACK}) SELECT mend FROM needed WHERE by_migrations");
    let mut statements = owner.texts(doing, &missing, &[&web, &jobs]).await?;
    statements.extend(owner.texts(doing, NEEDLESS, &[&jobs]).await?);
    for statement in statements {
        owner.run(doing, &statement).await?;
    }
    Ok(())
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
