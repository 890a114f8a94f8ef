//! PostgreSQL: where it is, who logs in, and the one transaction of a request or a job.

mod connector;
mod detached;
mod embedded;
mod handle;
mod migrate;
mod pool;
#[cfg(all(test, feature = "testing"))]
mod pooler;
mod proof;
mod roles;
mod scope;
mod setup;
mod setup_error;
mod tls;
mod url;

use std::{path::PathBuf, time::Duration};

use uuid::Uuid;

pub use detached::Detached;
pub use handle::Db;
#[cfg(all(test, feature = "testing"))]
pub(crate) use pooler::Pooler;
pub(crate) use setup::Session;
#[cfg(feature = "testing")]
pub(crate) use setup::{Turn, identifier};
pub(crate) use {
    connector::Connector,
    embedded::{Cluster, Options as ClusterOptions},
    migrate::Migrations,
    pool::{Limits, Pool},
    proof::Examination,
    roles::{RoleUrls, database_of, is_privileged, jobs_pass, provision},
    scope::{Access, Last, Scope},
    setup_error::SetupError,
    url::Url,
};

/// Where the database is, and who logs in.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A private server in this directory.
    Embedded(PathBuf),
    /// A login that makes the three roles: for development.
    Privileged(Url),
    /// Roles that were made before: for production. Without an owner nothing can be migrated.
    Roles {
        /// Under row-level security.
        web: Url,
        /// Past row-level security.
        jobs: Url,
        /// Owns the tables.
        owner: Option<Url>,
    },
}

/// The two pools: their largest numbers of connections, and how long what uses them may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolSettings {
    /// For requests.
    pub(crate) web: usize,
    /// For jobs.
    pub(crate) jobs: usize,
    /// The longest request.
    pub(crate) request: Duration,
    /// The longest attempt of a job.
    pub(crate) attempt: Duration,
    /// Whether a pooler hands the sessions of jobs to others between transactions.
    pub(crate) shares_jobs: bool,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            web: 16,
            jobs: 8,
            request: Duration::from_secs(15),
            attempt: Duration::from_secs(10 * 60),
            shares_jobs: false,
        }
    }
}

/// How much longer than its request or job a statement or a transaction may last before the server ends it.
const MARGIN: Duration = Duration::from_secs(5);

/// The pools of a running application, and where to open further connections.
pub(crate) struct Database {
    /// For requests, under row-level security.
    pub(crate) web: Pool,
    /// For jobs, past row-level security.
    pub(crate) jobs: Pool,
    /// For the engine, which opens its own connections as the jobs role, outside the pools.
    pub(crate) engine: Connector,
    /// A name for this process, unlike that of any other; its sessions of the jobs role bear it.
    pub(crate) process: String,
    /// Keeps the private server, if there is one; dropped last.
    _cluster: Option<Cluster>,
}

/// A database whose roles are known, and whose server runs if it is ours: what migrations and pools need.
pub(crate) struct Prepared {
    web: Url,
    jobs: Url,
    owner: Option<Url>,
    cluster: Option<Cluster>,
}

impl Prepared {
    /// Starts the server and makes the roles and the database of `app`, where the source lets us.
    ///
    /// # Errors
    /// When no PostgreSQL is found, or it cannot be prepared.
    pub(crate) async fn new(source: &Source, app: &str) -> Result<Self, SetupError> {
        let (admin, cluster) = match source {
            Source::Embedded(directory) => {
                let cluster = acquire(directory.clone(), ClusterOptions::default()).await?;
                (cluster.superuser_url(), Some(cluster))
            }
            Source::Privileged(url) => (url.clone(), None),
            Source::Roles { web, jobs, owner } => {
                return Ok(Self::of_roles(web.clone(), jobs.clone(), owner.clone()));
            }
        };
        let urls = RoleUrls::derived(&admin, app, &database_of(&admin, app));
        provision(&admin, &urls).await?;
        let RoleUrls { owner, web, jobs } = urls;
        Ok(Self { web, jobs, owner: Some(owner), cluster })
    }

    /// A database whose roles were made before.
    pub(crate) fn of_roles(web: Url, jobs: Url, owner: Option<Url>) -> Self {
        Self { web, jobs, owner, cluster: None }
    }

    /// The URL of the role that owns the tables, if it is known.
    pub(crate) fn owner(&self) -> Option<&Url> {
        self.owner.as_ref()
    }

    /// Runs the migrations that have not run yet; returns their names. Without an owner there is nothing to do.
    ///
    /// # Errors
    /// With the first migration that fails.
    pub(crate) async fn migrate(&self, migrations: &Migrations) -> Result<Vec<String>, SetupError> {
        let Some(owner) = &self.owner else { return Ok(Vec::new()) };
        let [web, jobs] = [&self.web, &self.jobs].map(|url| url.user().unwrap_or_default());
        migrations.run(owner, &web, &jobs).await
    }

    /// Undoes the application's last migration; returns its name, if there was one.
    ///
    /// # Errors
    /// As [`Migrations::revert`].
    pub(crate) async fn revert(&self, migrations: &Migrations) -> Result<Option<String>, SetupError> {
        let Some(owner) = &self.owner else { return Ok(None) };
        let [web, jobs] = [&self.web, &self.jobs].map(|url| url.user().unwrap_or_default());
        migrations.revert(owner, &web, &jobs).await
    }

    /// Opens the pools, which connect at first use.
    ///
    /// # Errors
    /// When a URL names authorities that cannot be read.
    pub(crate) fn connect(self, pools: PoolSettings) -> Result<Database, SetupError> {
        let (web, jobs) = (Connector::new(&self.web)?, Connector::shared(&self.jobs, pools.shares_jobs)?);
        let process = process_name();
        let request = pools.request + MARGIN;
        let web_limits = Limits { statement: Some(request), idle: request };
        let job_limits = Limits { statement: None, idle: pools.attempt + MARGIN };
        Ok(Database {
            web: Pool::new(web, pools.web, web_limits),
            jobs: Pool::patient(jobs.clone(), pools.jobs, job_limits, &process),
            engine: jobs,
            process,
            _cluster: self.cluster,
        })
    }
}

impl Database {
    /// Closes every connection, so that the server sees them end before the process does.
    pub(crate) fn close(&self) {
        self.web.close();
        self.jobs.close();
    }
}

/// The number by which the operating system knows this process, and what tells it from those of other machines.
fn process_name() -> String {
    let random = Uuid::now_v7().as_u128() & 0xffff_ffff_ffff;
    format!("{}-{random:012x}", std::process::id())
}

/// [`Cluster::acquire`] without blocking the caller's thread.
pub(crate) async fn acquire(directory: PathBuf, options: ClusterOptions) -> Result<Cluster, SetupError> {
    let acquired = tokio::task::spawn_blocking(move || Cluster::acquire(&directory, options));
    acquired.await.map_err(|error| SetupError::Io {
        doing: "wait for PostgreSQL".to_owned(),
        source: std::io::Error::other(error),
    })?
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
