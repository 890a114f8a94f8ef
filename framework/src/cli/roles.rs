//! `roles`.

use std::env;

use clap::Args;

use crate::{
    app::{App, BootError},
    db::{RoleUrls, SetupError, Url, database_of, is_privileged, jobs_pass, provision},
};

/// What stands for a server that nobody has named.
const UNKNOWN: &str = "postgres://postgres@HOST/postgres";

#[derive(Args)]
#[command(after_help = "\
The passwords are new in every run: with --apply, and once the SQL has run, what an earlier run printed no longer logs \
in; connections that are open stay so. All else is left as the first run made it.\n\n\
Jobs see every row by BYPASSRLS. Where the login may not give that, each `migrate` makes a policy for them instead.\n\n\
DATABASE_URL names the server and the database, and with --apply the login that makes the roles: a superuser, or one \
with CREATEROLE and CREATEDB. Set it for this command only; the application gets the URLs that are printed.")]
pub(super) struct Roles {
    /// Run the SQL by the login in DATABASE_URL, and print the URLs alone
    #[arg(long)]
    apply: bool,
}

pub(super) fn run(app: &App, command: &Roles) -> Result<(), BootError> {
    let named = env::var("DATABASE_URL").ok().filter(|url| !url.trim().is_empty());
    let named = named.map(|url| Url::parse(&url)).transpose();
    let named = named.map_err(|error| BootError(vec![format!("DATABASE_URL: {error}")]))?;
    if command.apply {
        let Some(admin) = named else {
            return Err(BootError(vec![
                "DATABASE_URL is not set: `roles --apply` makes the roles by its login, a superuser or one with \
                 CREATEROLE and CREATEDB; write postgres://user:password@host/database"
                    .to_owned(),
            ]));
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| BootError(vec![format!("cannot start the runtime: {error}")]))?;
        let urls = runtime.block_on(apply(app.name, &admin))?;
        super::print(&settings(&urls, ""));
        return Ok(());
    }
    let url = match named {
        Some(url) => url,
        None => Url::parse(UNKNOWN).expect("it is a URL"),
    };
    let urls = RoleUrls::fresh(&url, app.name, &database_of(&url, app.name));
    super::print(&script(app.name, &urls));
    Ok(())
}

async fn apply(app: &str, admin: &Url) -> Result<RoleUrls, BootError> {
    if !is_privileged(admin).await? {
        return Err(BootError(vec![format!(
            "DATABASE_URL: the role {} may not make roles; write the login of a superuser, or of a role with \
             CREATEROLE and CREATEDB",
            admin.user().unwrap_or_default()
        )]));
    }
    let urls = RoleUrls::fresh(admin, app, &database_of(admin, app));
    provision(admin, &urls).await.map_err(|error| BootError(vec![explained(admin, error)]))?;
    if !jobs_pass(admin, &urls).await? {
        let jobs = urls.jobs.user().unwrap_or_default();
        eprintln!(
            "note: {} may not give BYPASSRLS, so `migrate` will make a policy catena_jobs\nfor {jobs} on each table; a \
             superuser may spare that by:\nALTER ROLE {jobs} BYPASSRLS",
            admin.user().unwrap_or_default()
        );
    }
    Ok(urls)
}

/// Adds what a refusal most often means.
fn explained(admin: &Url, error: SetupError) -> String {
    let user = admin.user().unwrap_or_default();
    format!(
        "{error}; {user} must be a superuser, or have CREATEROLE and CREATEDB and have made these roles itself"
    )
}

/// SQL that is also the place to find the URLs.
fn script(app: &str, urls: &RoleUrls) -> String {
    format!(
        "-- The database of {app} and its three roles. Run it by psql, as a superuser or a role with CREATEROLE and\n\
         -- CREATEDB; as often as you like, but the passwords are new in every run of `{app} roles`. Then set:\n--\n\
         {}--\n-- Keep this text as secret as these URLs.\n\n{}",
        settings(urls, "-- "),
        urls.script()
    )
}

/// A line a setting.
fn settings(urls: &RoleUrls, before: &str) -> String {
    [("DATABASE_URL", &urls.web), ("DATABASE_JOBS_URL", &urls.jobs), ("DATABASE_OWNER_URL", &urls.owner)]
        .iter()
        .fold(String::new(), |text, (name, url)| text + before + name + "=" + url + "\n")
}
