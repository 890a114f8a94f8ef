//! Migrations: the house's own, in the schema `catena`, then those of the application.
//!
//! Both are folders in the format of Diesel's CLI. They run as the owner, under one lock, each in a transaction of its
//! own together with the line that says that it ran.

use diesel::{
    QueryResult,
    connection::{BoxableConnection, SimpleConnection},
    migration::MigrationSource,
    pg::Pg,
};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use tokio_postgres::error::ErrorPosition;

use super::{
    SetupError, Url,
    proof::let_jobs_see,
    setup::{Session, Turn, identifier, literal},
    setup_error::message,
};

const HOUSE: EmbeddedMigrations = embed_migrations!("migrations");

/// Where the house's migrations are listed.
const HOUSE_TABLE: &str = "catena.migrations";

/// Where Diesel's CLI lists those of the application.
const APP_TABLE: &str = "public.__diesel_schema_migrations";

/// One migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MigrationStatus {
    /// The name of its folder.
    pub(crate) name: String,
    /// Whether it belongs to the framework.
    pub(crate) house: bool,
    /// Whether it has run.
    pub(crate) applied: bool,
}

/// The migrations of the house and of one application, in the order in which they run.
pub(crate) struct Migrations(Vec<Step>);

struct Step {
    name: String,
    version: String,
    house: bool,
    sql: String,
    /// What undoes it; `None` without a `down.sql`.
    down: Option<String>,
    in_transaction: bool,
}

impl Migrations {
    /// Reads the application's migrations.
    ///
    /// # Errors
    /// When they cannot be read: files that are away, or code instead of SQL.
    pub(crate) fn read(app: &dyn MigrationSource<Pg>) -> Result<Self, SetupError> {
        let mut steps = read(&HOUSE, true)?;
        steps.extend(read(app, false)?);
        Ok(Self(steps))
    }

    /// Runs those that have not run yet, as the owner; `web` and `jobs` are the names of the other two roles.
    /// Returns the names of those that ran. Whether any did or not, jobs then see every row.
    ///
    /// # Errors
    /// With the first migration that fails: nothing of it is written, and none after it runs.
    pub(crate) async fn run(&self, owner: &Url, web: &str, jobs: &str) -> Result<Vec<String>, SetupError> {
        let session = Session::open(owner).await?;
        session.take_turn(Turn::Migrations).await?;
        session.run("prepare for migrations", &prepare(web, jobs)).await?;
        let status = self.applied(&session).await?;
        let mut done = Vec::new();
        for (step, applied) in self.0.iter().zip(status) {
            if !applied {
                step.run(&session).await?;
                done.push(step.name.clone());
            }
        }
        let_jobs_see(&session, web, jobs).await?;
        Ok(done)
    }

    /// Undoes the application's last migration that has run, and returns its name; `None` when none has.
    ///
    /// # Errors
    /// When it has no `down.sql` or that fails, in which case nothing of it is written; when the database has a later
    /// migration than this program knows.
    pub(crate) async fn revert(
        &self,
        owner: &Url,
        web: &str,
        jobs: &str,
    ) -> Result<Option<String>, SetupError> {
        let session = Session::open(owner).await?;
        session.take_turn(Turn::Migrations).await?;
        session.run("prepare for migrations", &prepare(web, jobs)).await?;
        let last = format!("SELECT version::text FROM {APP_TABLE} ORDER BY version DESC LIMIT 1");
        let last = session.texts("read which migrations have run", &last, &[]).await?;
        let Some(version) = last.first() else { return Ok(None) };
        let Some(step) = self.0.iter().find(|step| !step.house && step.version == *version) else {
            return Err(SetupError::UnknownMigration { version: version.clone() });
        };
        step.undo(&session).await?;
        let_jobs_see(&session, web, jobs).await?;
        Ok(Some(step.name.clone()))
    }

    /// Says of each whether it has run, as the owner or the role of jobs. Changes nothing.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn status(&self, owner: &Url) -> Result<Vec<MigrationStatus>, SetupError> {
        self.status_in(&Session::open(owner).await?).await
    }

    /// The same, in a session that is open.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(super) async fn status_in(&self, session: &Session) -> Result<Vec<MigrationStatus>, SetupError> {
        let applied = self.applied(session).await?;
        let status = |(step, applied): (&Step, bool)| MigrationStatus {
            name: step.name.clone(),
            house: step.house,
            applied,
        };
        Ok(self.0.iter().zip(applied).map(status).collect())
    }

    /// All names and texts; two sets of migrations are the same if this is.
    #[cfg(feature = "testing")]
    pub(crate) fn fingerprint_text(&self) -> String {
        let steps = self.0.iter().map(|step| format!("{}\0{}\0", step.name, step.sql));
        prepare("", "") + &steps.collect::<String>()
    }

    async fn applied(&self, session: &Session) -> Result<Vec<bool>, SetupError> {
        let doing = "read which migrations have run";
        let mut found = Vec::new();
        for table in [HOUSE_TABLE, APP_TABLE] {
            let exists = session.ask(doing, "SELECT to_regclass($1) IS NOT NULL", &[&table]).await?;
            let versions = if exists {
                session.texts(doing, &format!("SELECT version::text FROM {table}"), &[]).await?
            } else {
                Vec::new()
            };
            found.push(versions);
        }
        Ok(self.0.iter().map(|step| found[usize::from(!step.house)].contains(&step.version)).collect())
    }
}

impl Step {
    async fn run(&self, session: &Session) -> Result<(), SetupError> {
        let table = if self.house { HOUSE_TABLE } else { APP_TABLE };
        let record = format!("INSERT INTO {table} (version) VALUES ({})", literal(&self.version));
        self.apply(session, &self.name, &self.sql, &record).await
    }

    async fn undo(&self, session: &Session) -> Result<(), SetupError> {
        let Some(down) = self.down.as_ref().filter(|sql| !sql.trim().is_empty()) else {
            return Err(SetupError::NoWayBack { name: self.name.clone() });
        };
        let record = format!("DELETE FROM {APP_TABLE} WHERE version = {}", literal(&self.version));
        self.apply(session, &format!("{} (down.sql)", self.name), down, &record).await
    }

    /// Runs `sql` and `record`, both or neither, unless the migration asks to be run without a transaction.
    async fn apply(&self, session: &Session, name: &str, sql: &str, record: &str) -> Result<(), SetupError> {
        let failed = |error| failure(name, sql, &error);
        let recording = format!("record that migration {name} ran");
        if !self.in_transaction {
            session.attempt(sql).await.map_err(|error| failed(error).outside_a_transaction())?;
            return session.run(&recording, record).await;
        }
        session.run("begin a migration", "BEGIN").await?;
        if let Err(error) = session.attempt(sql).await {
            session.run("undo a migration", "ROLLBACK").await?;
            return Err(failed(error));
        }
        session.run(&recording, &format!("{record};COMMIT")).await
    }
}

fn failure(name: &str, sql: &str, error: &tokio_postgres::Error) -> SetupError {
    let position = error.as_db_error().and_then(|said| match said.position() {
        Some(ErrorPosition::Original(position)) => Some(*position),
        // In a text that is not ours, such as the body of a function.
        _ => None,
    });
    let place = position.map(|position| place(sql, position as usize)).unwrap_or_default();
    SetupError::Migration { name: name.to_owned(), place, message: message(error) }
}

/// Says where the `position`-th character (from 1) stands.
fn place(sql: &str, position: usize) -> String {
    let before: String = sql.chars().take(position.saturating_sub(1)).collect();
    let line = before.matches('\n').count();
    let text = sql.lines().nth(line).unwrap_or_default().trim();
    format!(" at line {} ({text})", line + 1)
}

/// What every session of migrations begins with: nothing is hidden by row-level security (an error instead of a
/// silent nothing), the names of the other roles are known to migrations that grant, and the lists exist. Servers and
/// workers read the lists as the role of jobs, to say what is pending.
fn prepare(web: &str, jobs: &str) -> String {
    let (web_role, jobs_role) = (identifier(web), identifier(jobs));
    let (web, jobs) = (literal(web), literal(jobs));
    format!(
        "SET row_security = off;
         SET client_min_messages = warning;
         SET catena.web_role = {web};
         SET catena.jobs_role = {jobs};
         CREATE SCHEMA IF NOT EXISTS catena;
         CREATE TABLE IF NOT EXISTS {HOUSE_TABLE} (
             version text PRIMARY KEY,
             run_at timestamptz NOT NULL DEFAULT now()
         );
         CREATE TABLE IF NOT EXISTS {APP_TABLE} (
             version varchar(50) PRIMARY KEY,
             run_on timestamp NOT NULL DEFAULT current_timestamp
         );
         REVOKE ALL ON {APP_TABLE} FROM {web_role}, {jobs_role};
         GRANT SELECT ON {HOUSE_TABLE}, {APP_TABLE} TO {jobs_role};
         RESET client_min_messages;"
    )
}

fn read(source: &dyn MigrationSource<Pg>, house: bool) -> Result<Vec<Step>, SetupError> {
    let unreadable = |name: &str, error: Box<dyn std::error::Error + Send + Sync>| SetupError::Migration {
        name: name.to_owned(),
        place: String::new(),
        message: error.to_string(),
    };
    let mut steps = Vec::new();
    for migration in source.migrations().map_err(|error| unreadable("(all)", error))? {
        let name = migration.name().to_string();
        let mut sql = Script::default();
        migration.run(&mut sql).map_err(|error| unreadable(&name, error))?;
        let mut down = Script::default();
        let reverted = migration.revert(&mut down);
        steps.push(Step {
            version: migration.name().version().to_string(),
            house,
            sql: sql.0,
            down: reverted.is_ok().then_some(down.0),
            in_transaction: migration.metadata().run_in_transaction(),
            name,
        });
    }
    steps.sort_by(|one, other| one.version.cmp(&other.version));
    Ok(steps)
}

/// Stands where a migration expects a connection, and keeps the SQL that it is sent.
///
/// Diesel's own harness wants a blocking connection; with the text at hand a migration runs on any, and an error can
/// be shown where it is.
#[derive(Default)]
struct Script(String);

impl SimpleConnection for Script {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.0.push_str(query);
        Ok(())
    }
}

impl BoxableConnection<Pg> for Script {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
