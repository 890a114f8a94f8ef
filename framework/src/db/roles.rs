//! The three roles of an application, and its database.
//!
//! | role | for | may |
//! |---|---|---|
//! | `<app>_owner` | migrations | owns the database and all in it |
//! | `<app>_web` | procedures | read and write rows, under row-level security |
//! | `<app>_jobs` | jobs | read and write rows, past row-level security |
//!
//! Each logs in by itself and is a member of nothing: a session cannot change into another role.

use sha2::{Digest as _, Sha256};

use super::{
    SetupError, Url,
    setup::{Session, Turn, identifier, literal},
};

/// Where the three roles of an application log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleUrls {
    /// Owns the tables.
    pub(crate) owner: Url,
    /// Under row-level security.
    pub(crate) web: Url,
    /// Past row-level security.
    pub(crate) jobs: Url,
}

impl RoleUrls {
    /// The roles of `app` on the server of `admin`. If that login has a password, so have they: one derived from it,
    /// the same each time, so that development needs to keep none.
    pub(crate) fn derived(admin: &Url, app: &str, database: &str) -> Self {
        let secret = admin.password();
        Self::named(admin, app, database, |role| {
            secret.as_deref().map(|secret| derive_password(secret, role))
        })
    }

    /// The roles of `app` on the server of `base`, with new passwords that nobody knows yet.
    pub(crate) fn fresh(base: &Url, app: &str, database: &str) -> Self {
        Self::named(base, app, database, |_| Some(random_password()))
    }

    fn named(base: &Url, app: &str, database: &str, password: impl Fn(&str) -> Option<String>) -> Self {
        let url = |role: &str| {
            let name = format!("{}_{role}", database_name(app));
            base.with_login(&name, password(&name).as_deref()).with_database(database)
        };
        Self { owner: url("owner"), web: url("web"), jobs: url("jobs") }
    }

    fn each(&self) -> [&Url; 3] {
        [&self.owner, &self.web, &self.jobs]
    }

    /// The SQL that makes the roles, or brings them to the state they should be in; for any database of the server.
    fn roles_sql(&self) -> String {
        let passwords = self.each().into_iter().filter_map(|url| {
            let password = url.password()?;
            // What a server logs, it logs of this: the password itself does not reach it.
            let verifier = postgres_protocol::password::scram_sha_256(&password);
            let role = identifier(&url.user().unwrap_or_default());
            Some(format!("ALTER ROLE {role} PASSWORD {};\n", literal(&verifier)))
        });
        self.filled(include_str!("roles/roles.sql")) + &passwords.collect::<String>()
    }

    /// The SQL that says what the roles may do in the database.
    fn rights_sql(&self) -> String {
        self.filled(include_str!("roles/rights.sql"))
    }

    /// All of it as a script for psql, which any number of runs leave as one does.
    pub(crate) fn script(&self) -> String {
        let database = self.database();
        let (name, text) = (identifier(&database), literal(&database));
        let create = literal(&self.filled("CREATE DATABASE {database} OWNER {owner}"));
        let (roles, rights) = (self.roles_sql(), self.rights_sql());
        let own = self.filled("ALTER DATABASE {database} OWNER TO {owner};");
        format!(
            "\\set ON_ERROR_STOP on\n\nBEGIN;\n{roles}COMMIT;\n\n-- The database.\nSELECT {create}\n    WHERE NOT EXISTS \
             (SELECT FROM pg_catalog.pg_database WHERE datname = {text})\n\\gexec\n{own}\n\\connect {name}\n\n\
             BEGIN;\n{rights}COMMIT;\n"
        )
    }

    /// Puts names in their places.
    fn filled(&self, template: &str) -> String {
        let [owner, web, jobs] = self.each().map(|url| url.user().unwrap_or_default());
        let names = [("owner", owner), ("web", web), ("jobs", jobs), ("database", self.database())];
        names.iter().fold(template.to_owned(), |sql, (place, name)| {
            sql.replace(&format!("{{{place}}}"), &identifier(name))
                .replace(&format!("{{{place}_name}}"), &literal(name))
        })
    }

    fn database(&self) -> String {
        self.owner.database().unwrap_or_default()
    }
}

/// The longest beginning of a role's name: PostgreSQL cuts names at 63 bytes.
const LONGEST_PREFIX: usize = 56;

/// The beginning of the role names of `app`, and the name of its database: lower case, digits and underscores.
pub(crate) fn database_name(app: &str) -> String {
    let name = app.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    name.take(LONGEST_PREFIX).collect()
}

/// Which database of `app` a privileged URL means: the one that it names, but the one that every server has.
pub(crate) fn database_of(url: &Url, app: &str) -> String {
    url.database().filter(|name| name != "postgres").unwrap_or_else(|| database_name(app))
}

/// Whether the login of `url` may make roles.
///
/// # Errors
/// When the database cannot be asked.
pub(crate) async fn is_privileged(url: &Url) -> Result<bool, SetupError> {
    let session = match Session::open(url).await {
        Ok(session) => session,
        // The database may be one that is to be made.
        Err(error) => Session::open(&url.with_database("postgres")).await.map_err(|_| error)?,
    };
    session
        .ask(
            "look up the role",
            "SELECT rolsuper OR rolcreaterole FROM pg_catalog.pg_roles WHERE rolname = current_user",
            &[],
        )
        .await
}

/// Whether the role of jobs passes row-level security, which not every login may have it do.
///
/// # Errors
/// When the database cannot be asked.
pub(crate) async fn jobs_pass(admin: &Url, urls: &RoleUrls) -> Result<bool, SetupError> {
    let passes = "SELECT bool_or(rolsuper OR rolbypassrls) FROM pg_catalog.pg_roles WHERE rolname = $1";
    let session = Session::open(&admin.with_database("postgres")).await?;
    session.ask("look up the role of jobs", passes, &[&urls.jobs.user().unwrap_or_default()]).await
}

/// Makes the roles and the database, or brings them to the state they should be in.
///
/// `admin` is the URL of a superuser, or of a login that may make roles. Any number of processes may do this at once.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn provision(admin: &Url, urls: &RoleUrls) -> Result<(), SetupError> {
    let session = Session::open(&admin.with_database("postgres")).await?;
    session.take_turn(Turn::Roles).await?;
    session.run("make the roles", &urls.roles_sql()).await?;
    let (database, owner) = (urls.database(), urls.owner.user().unwrap_or_default());
    make_database(&session, &database, &owner).await?;
    let inside = Session::open(&admin.with_database(&database)).await?;
    // Migrations change the same default privileges, which PostgreSQL lets only one session do at a time.
    inside.take_turn(Turn::Migrations).await?;
    inside.run("grant rights to the roles", &urls.rights_sql()).await
}

fn derive_password(secret: &[u8], role: &str) -> String {
    let hash = Sha256::new().chain_update(b"catena role\0").chain_update(role).chain_update([0]);
    hex(&hash.chain_update(secret).finalize())
}

fn random_password() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn make_database(session: &Session, database: &str, owner: &str) -> Result<(), SetupError> {
    let doing = format!("make the database {database}");
    let known = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)";
    let (name, owner) = (identifier(database), identifier(owner));
    if session.ask(&doing, known, &[&database]).await? {
        session.run(&doing, &format!("ALTER DATABASE {name} OWNER TO {owner}")).await
    } else {
        session.run(&doing, &format!("CREATE DATABASE {name} OWNER {owner}")).await
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
