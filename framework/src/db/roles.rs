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
    /// The URLs of the roles that [`provision`] makes with the same arguments.
    pub(crate) fn of(admin: &Url, app: &str, database: &str) -> Self {
        let secret = admin.password();
        let url = |role: &str| {
            let name = format!("{}_{role}", database_name(app));
            let password = secret.as_deref().map(|secret| derive_password(secret, &name));
            admin.with_login(&name, password.as_deref()).with_database(database)
        };
        Self { owner: url("owner"), web: url("web"), jobs: url("jobs") }
    }
}

/// The longest beginning of a role's name: PostgreSQL cuts names at 63 bytes.
const LONGEST_PREFIX: usize = 56;

/// The beginning of the role names of `app`, and the name of its database: lower case, digits and underscores.
pub(crate) fn database_name(app: &str) -> String {
    let name = app.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    name.take(LONGEST_PREFIX).collect()
}

/// Whether the login of `url` may make roles, and roles that pass row-level security.
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
        .ask("look up the role", "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user", &[])
        .await
}

/// Says what is wrong with the logins of requests and jobs: a server that is away, a login it refuses, a role on the
/// wrong side of row-level security, a database without the house's tables.
pub(crate) async fn login_faults(web: &Url, jobs: &Url) -> Vec<String> {
    const PASSES: &str =
        "SELECT rolsuper OR rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user";
    const MIGRATED: &str = "SELECT to_regclass('catena.jobs') IS NOT NULL";

    let ask =
        async |url: &Url, question| Session::open(url).await?.ask("look at the role", question, &[]).await;
    let role = |url: &Url| url.user().unwrap_or_default();
    let web_passes = ask(web, PASSES).await.map_err(|error| format!("DATABASE_URL: {error}"));
    let jobs_passes = ask(jobs, PASSES).await.map_err(|error| format!("DATABASE_JOBS_URL: {error}"));
    let mut faults = Vec::new();
    match web_passes {
        Ok(true) => faults.push(format!(
            "DATABASE_URL: requests would see every row, as the role {} passes row-level security; write the URL of a \
             role that is neither SUPERUSER nor BYPASSRLS",
            role(web)
        )),
        Ok(false) => {}
        Err(fault) => faults.push(fault),
    }
    match jobs_passes {
        Ok(false) => faults.push(format!(
            "DATABASE_JOBS_URL: jobs would see no rows, as the role {} is under row-level security; write the URL of \
             another role, or have a superuser run: ALTER ROLE {} BYPASSRLS",
            role(jobs),
            identifier(&role(jobs)),
        )),
        Ok(true) => match ask(jobs, MIGRATED).await {
            Ok(true) => {}
            Ok(false) => {
                faults.push("the database has not been migrated; run the command `migrate` first".to_owned());
            }
            Err(error) => faults.push(format!("DATABASE_JOBS_URL: {error}")),
        },
        Err(fault) => faults.push(fault),
    }
    faults
}

/// Makes the roles of `app` and the database `database`, or brings them to the state they should be in.
///
/// `admin` is the URL of a superuser. If it has a password, so have the roles: one derived from it, the same each time.
/// Any number of processes may do this at once.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn provision(admin: &Url, app: &str, database: &str) -> Result<RoleUrls, SetupError> {
    let urls = RoleUrls::of(admin, app, database);
    let session = Session::open(&admin.with_database("postgres")).await?;
    session.take_turn(Turn::Roles).await?;
    for (url, rights) in [(&urls.owner, "NOBYPASSRLS"), (&urls.web, "NOBYPASSRLS"), (&urls.jobs, "BYPASSRLS")]
    {
        make_role(&session, url, rights).await?;
    }
    let owner = urls.owner.user().unwrap_or_default();
    make_database(&session, database, &owner).await?;
    let inside = Session::open(&admin.with_database(database)).await?;
    // Migrations change the same default privileges, which PostgreSQL lets only one session do at a time.
    inside.take_turn(Turn::Migrations).await?;
    inside.run("grant rights to the roles", &grants(&urls)).await?;
    Ok(urls)
}

fn derive_password(secret: &[u8], role: &str) -> String {
    let hash = Sha256::new().chain_update(b"catena role\0").chain_update(role).chain_update([0]);
    hash.chain_update(secret).finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn make_role(session: &Session, url: &Url, rights: &str) -> Result<(), SetupError> {
    let name = url.user().unwrap_or_default();
    let role = identifier(&name);
    let doing = format!("make the role {name}");
    let known = "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)";
    if !session.ask(&doing, known, &[&name]).await? {
        session.run(&doing, &format!("CREATE ROLE {role}")).await?;
    }
    let password = url.password().map(|password| String::from_utf8_lossy(&password).into_owned());
    let password = password.map(|password| format!("PASSWORD {}", literal(&password))).unwrap_or_default();
    let rights = format!("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION {rights} {password}");
    session.run(&doing, &format!("ALTER ROLE {role} {rights}")).await
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

/// What the roles may do in the schema of the application. In the schema `catena` the house's migrations say it.
fn grants(urls: &RoleUrls) -> String {
    let [owner, web, jobs] =
        [&urls.owner, &urls.web, &urls.jobs].map(|url| identifier(&url.user().unwrap_or_default()));
    let database = identifier(&urls.owner.database().unwrap_or_default());
    // A temporary table hides the one of its name from every later request on the same connection.
    format!(
        "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
         GRANT TEMPORARY ON DATABASE {database} TO {jobs};
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         GRANT USAGE, CREATE ON SCHEMA public TO {owner};
         GRANT USAGE ON SCHEMA public TO {web}, {jobs};
         ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
         ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
             GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {web}, {jobs};
         ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
             GRANT USAGE, SELECT ON SEQUENCES TO {web}, {jobs};
         ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
             GRANT EXECUTE ON ROUTINES TO {web}, {jobs};"
    )
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
