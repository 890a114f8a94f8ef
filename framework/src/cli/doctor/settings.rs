//! The section `settings`.

use crate::{db::Url, finding::Finding, settings::Settings};

/// What the environment says; `state_faults` is what the application's own state has to complain of.
pub(super) fn findings(settings: &Settings, state_faults: &[String]) -> Vec<Finding> {
    let mut findings: Vec<_> = state_faults.iter().map(Finding::fault).collect();
    let production = settings.is_production();
    findings.push(Finding::ok(format!(
        "CATENA_ENV is {}",
        if production { "production" } else { "development, where production's faults are warnings" }
    )));
    findings.push(match (&settings.secret, production) {
        (Some(_), _) => Finding::ok("CATENA_SECRET is set"),
        (None, _) => Finding::ok(format!(
            "CATENA_SECRET is not set: development keeps a secret in {}",
            settings.dir.join("secret").display()
        )),
    });
    if production && settings.admin_token.is_none() && settings.admin_listen.is_none() {
        findings.push(Finding::warning(
            "nobody can see /metrics and /docs: neither CATENA_ADMIN_TOKEN nor ADMIN_LISTEN is set",
            "set CATENA_ADMIN_TOKEN to what `openssl rand -hex 32` prints, or ADMIN_LISTEN to an address such as \
             127.0.0.1:9000",
        ));
    }
    findings.extend(databases(settings));
    findings
}

/// Where the database is, and who could listen on the way there.
fn databases(settings: &Settings) -> Vec<Finding> {
    let urls = [
        ("DATABASE_URL", &settings.database_url),
        ("DATABASE_JOBS_URL", &settings.database_jobs_url),
        ("DATABASE_OWNER_URL", &settings.database_owner_url),
    ];
    let mut findings: Vec<_> =
        urls.into_iter().filter_map(|(name, url)| Some(way(name, url.as_ref()?))).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(format!(
            "DATABASE_URL is not set: development runs a PostgreSQL of its own in {}",
            settings.dir.display()
        )));
    }
    findings
}

fn way(name: &str, url: &Url) -> Finding {
    if url.may_be_overheard() {
        Finding::warning(
            format!("{name} ({url:?}) leads over a network, and does not insist on encryption"),
            format!(
                "end {name} with ?sslmode=verify-full (and &sslrootcert=/path/to/authority.pem unless the machine trusts the server's authority)"
            ),
        )
    } else {
        Finding::ok(format!("{name} is {url:?}"))
    }
}
