//! A database for each test.

use std::{env, path::PathBuf, time::Duration};

use diesel::{migration::MigrationSource, pg::Pg};
use diesel_async::AsyncPgConnection;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::db::{
    Cluster, ClusterOptions, Connector, Migrations, RoleUrls, Session, SetupError, Turn, Url, acquire,
    identifier, provision,
};

/// The application whose roles all test databases share.
const APP: &str = "catena_test";

/// How the names of test databases begin, and only theirs.
const PREFIX: &str = "catena_test_db_";

/// How the names of templates begin, and only theirs.
const TEMPLATE_PREFIX: &str = "catena_test_template_";

/// How long the server stays between two test processes.
const GRACE: Duration = Duration::from_secs(10);

/// How many databases of tests that have ended are dropped for each that is made.
const SWEEP: usize = 3;

/// A migrated database that a test has for itself.
///
/// All tests of all processes share one private PostgreSQL, in the target directory or where `CATENA_TEST_DIR` says,
/// which ends some seconds after the last of them. `DATABASE_TEST_URL`, the URL of a superuser, names another server to
/// use. Each set of migrations runs once, into a template; a test gets a copy, in some 30 ms. It is dropped by later
/// tests once the test's runtime has gone.
///
/// # Panics
/// [`TestDb::new`] panics when there is no database to be had, which fails the test.
pub struct TestDb {
    admin: Url,
    urls: RoleUrls,
    // While this session lives, nobody drops the database.
    _session: Session,
    _cluster: Option<Cluster>,
}

impl TestDb {
    /// Makes a database with the house's migrations and these.
    pub async fn new(migrations: &impl MigrationSource<Pg>) -> Self {
        let migrations = Migrations::read(migrations);
        let made = match migrations {
            Ok(migrations) => Self::make(migrations).await,
            Err(error) => Err(error),
        };
        made.unwrap_or_else(|error| panic!("no database for the test: {error}"))
    }

    /// The URL of the role that owns the tables.
    #[must_use]
    pub fn owner_url(&self) -> &str {
        &self.urls.owner
    }

    /// The URL of the role of procedures, under row-level security.
    #[must_use]
    pub fn web_url(&self) -> &str {
        &self.urls.web
    }

    /// The URL of the role of jobs, past row-level security.
    #[must_use]
    pub fn jobs_url(&self) -> &str {
        &self.urls.jobs
    }

    /// The URL of the superuser of the server, for tests of what only such a login can do.
    #[must_use]
    pub fn superuser_url(&self) -> &str {
        &self.admin
    }

    /// Runs statements as the owner, past row-level security.
    ///
    /// # Panics
    /// If one of them fails.
    pub async fn execute(&self, sql: &str) {
        let session = Session::open(&self.urls.owner).await.unwrap_or_else(|error| panic!("{error}"));
        session.run("execute", sql).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Opens a connection as the owner, past row-level security.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn connect(&self) -> AsyncPgConnection {
        let connector = Connector::new(&self.urls.owner).unwrap_or_else(|error| panic!("{error}"));
        connector.connect().await.unwrap_or_else(|error| panic!("{}", error.chain()))
    }

    /// Brings everything that waits for a time closer to it.
    pub(crate) async fn advance(&self, time: Duration) {
        let passed = format!("interval '{} microseconds'", time.as_micros());
        self.execute(&format!(
            "UPDATE catena.jobs SET run_at = run_at - {passed};
             UPDATE catena.job_steps SET wake_at = wake_at - {passed} WHERE wake_at IS NOT NULL;
             UPDATE catena.schedules SET next_at = next_at - {passed};
             UPDATE catena.sessions SET created_at = created_at - {passed}, seen_at = seen_at - {passed},
                 expires_at = expires_at - {passed};
             UPDATE catena.one_time_tokens SET expires_at = expires_at - {passed};"
        ))
        .await;
    }

    /// The URL of the superuser.
    #[cfg(test)]
    pub(crate) fn admin_url(&self) -> Url {
        self.admin.clone()
    }

    /// Pools on the database, as an application has them.
    #[cfg(test)]
    pub(crate) fn database(&self) -> crate::db::Database {
        self.database_at(self.urls.jobs.clone(), false)
    }

    /// The same, whose sessions of jobs are shared, at the URL of a pooler or at its own.
    #[cfg(test)]
    pub(crate) fn shared_database(&self, pooler: Option<&str>) -> crate::db::Database {
        let jobs =
            pooler.map_or_else(|| self.urls.jobs.clone(), |url| Url::parse(url).expect("the URL of a test"));
        self.database_at(jobs, true)
    }

    #[cfg(test)]
    fn database_at(&self, jobs: Url, shares_jobs: bool) -> crate::db::Database {
        let RoleUrls { owner, web, .. } = self.urls.clone();
        let prepared = crate::db::Prepared::of_roles(web, jobs, Some(owner));
        let settings = crate::db::PoolSettings { shares_jobs, ..crate::db::PoolSettings::default() };
        prepared.connect(settings).unwrap_or_else(|error| panic!("{error}"))
    }

    async fn make(migrations: Migrations) -> Result<Self, SetupError> {
        let (admin, cluster) = server().await?;
        let session = Session::open(&admin.with_database("postgres")).await?;
        let mut template = template(&admin, &migrations).await?;
        let database = format!("{PREFIX}{}", Uuid::now_v7().simple());
        session.ask("take hold of a name", HOLD, &[&database]).await?;
        let urls = RoleUrls::derived(&admin, APP, &database);
        let owner = identifier(&urls.owner.user().unwrap_or_default());
        let copy = |template: &str| {
            let (database, template) = (identifier(&database), identifier(template));
            format!("CREATE DATABASE {database} TEMPLATE {template} OWNER {owner}")
        };
        let doing = "copy the template";
        if session.run(doing, &copy(&template)).await.is_err() {
            // Another process may just have dropped it for its age.
            template = self::template(&admin, &migrations).await?;
            session.run(doing, &copy(&template)).await?;
        }
        // What may be done in a database as such is not copied with it.
        let (database_name, jobs) =
            (identifier(&database), identifier(&urls.jobs.user().unwrap_or_default()));
        let rights = format!(
            "REVOKE TEMPORARY ON DATABASE {database_name} FROM PUBLIC;
             GRANT TEMPORARY ON DATABASE {database_name} TO {jobs}"
        );
        session.run("grant rights in the database", &rights).await?;
        sweep(&session, &database).await?;
        Ok(Self { admin, urls, _session: session, _cluster: cluster })
    }
}

/// The migrations of an application that has none.
#[cfg(test)]
pub(crate) struct NoMigrations;

#[cfg(test)]
impl MigrationSource<Pg> for NoMigrations {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn diesel::migration::Migration<Pg>>>> {
        Ok(Vec::new())
    }
}

/// Takes the lock that keeps a database from being dropped; whether it was free.
const HOLD: &str = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";

async fn server() -> Result<(Url, Option<Cluster>), SetupError> {
    if let Ok(url) = env::var("DATABASE_TEST_URL") {
        return Ok((Url::parse(&url)?, None));
    }
    let directory = env::var_os("CATENA_TEST_DIR").map_or_else(default_directory, PathBuf::from);
    let cluster = acquire(directory, ClusterOptions { durable: false, grace: GRACE }).await?;
    Ok((cluster.superuser_url(), Some(cluster)))
}

/// `catena-test` in the target directory, which Cargo marks by a file, or beside the other temporary files.
fn default_directory() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").exists());
    target.map_or_else(env::temp_dir, PathBuf::from).join("catena-test")
}

/// Makes the template for these migrations unless it is there; returns its name.
async fn template(admin: &Url, migrations: &Migrations) -> Result<String, SetupError> {
    let hash = Sha256::digest(migrations.fingerprint_text());
    let name: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("{TEMPLATE_PREFIX}{name}");
    let session = Session::open(&admin.with_database("postgres")).await?;
    let doing = "make the template";
    // Marked as a template when it is whole: what was interrupted is made again.
    let whole = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1 AND datistemplate)";
    if session.ask(doing, whole, &[&name]).await? {
        return Ok(name);
    }
    session.take_turn(Turn::Template).await?;
    if session.ask(doing, whole, &[&name]).await? {
        return Ok(name);
    }
    let quoted = identifier(&name);
    session.run(doing, &format!("DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")).await?;
    let urls = RoleUrls::derived(admin, APP, &name);
    provision(admin, &urls).await?;
    let [web, jobs] = [&urls.web, &urls.jobs].map(|url| url.user().unwrap_or_default());
    migrations.run(&urls.owner, &web, &jobs).await?;
    session.run(doing, &format!("ALTER DATABASE {quoted} IS_TEMPLATE true")).await?;
    drop_old_templates(&session, &name).await?;
    Ok(name)
}

/// Drops the templates that are older than an hour: those of migrations that have changed since, for which nobody asks
/// any more. One that is still asked for is made again, which costs little. It is this process's turn.
async fn drop_old_templates(session: &Session, ours: &str) -> Result<(), SetupError> {
    let doing = "drop old templates";
    let old = "SELECT datname::text FROM pg_catalog.pg_database
        WHERE starts_with(datname, $1) AND datname <> $2
            AND (pg_stat_file('base/' || oid || '/PG_VERSION')).modification < now() - interval '1 hour'";
    for name in session.texts(doing, old, &[&TEMPLATE_PREFIX, &ours]).await? {
        let quoted = identifier(&name);
        session.run(doing, &format!("ALTER DATABASE {quoted} IS_TEMPLATE false")).await?;
        // One that is being copied stays until the next time.
        let _ = session.run(doing, &format!("DROP DATABASE {quoted}")).await;
    }
    Ok(())
}

/// Drops some databases whose tests have ended, so that they do not pile up.
async fn sweep(session: &Session, ours: &str) -> Result<(), SetupError> {
    let doing = "drop the databases of tests that have ended";
    let all = "SELECT datname::text FROM pg_catalog.pg_database
        WHERE starts_with(datname, $1) AND datname <> $2 ORDER BY oid";
    let mut dropped = 0;
    for name in session.texts(doing, all, &[&PREFIX, &ours]).await? {
        if dropped < SWEEP && session.ask(doing, HOLD, &[&name]).await? {
            session
                .run(doing, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(&name)))
                .await?;
            dropped += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
