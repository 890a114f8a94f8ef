//! `doctor`: looks at everything around an application that it depends on.
//!
//! A section is a variant of [`Section`] and a function that returns its findings. What is looked at in a database stands
//! in `db/proof`, where the boot finds it too.

mod report;
mod settings;

use clap::{Args, ValueEnum};

use crate::{
    app::{App, BootError, Vars, pool_settings, prepare},
    db::{Examination, Migrations, Prepared},
    finding::{Finding, Level},
    limit::Limits,
    model::live,
    procedure,
    settings::Settings,
};

#[derive(Args)]
#[command(after_help = "\
A fault is what production does not start with, or cannot work with, and makes the command fail; a warning does not. \
Each comes with what mends it: for the database the SQL to run.")]
pub(super) struct Doctor {
    /// Which sections to look at; all of them if none is named
    #[arg(value_name = "SECTION")]
    sections: Vec<Section>,
    /// As JSON: an array of objects with section, level (ok, warning or fault), what and mend
    #[arg(long)]
    json: bool,
}

/// What is looked at together, in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    /// What the environment says, and what the application makes of it
    Settings,
    /// The server of the database, and the way to it
    Server,
    /// What has not been migrated
    Migrations,
    /// What the roles of requests and jobs may, and own
    Roles,
    /// What requests reach past row-level security, what it hides from jobs, and what it costs
    Tables,
    /// Whether the columns of models are those of the database
    Models,
    /// Where requests are counted, and what they are limited to
    Limits,
}

/// What is said of a database that cannot be examined.
const NOT_LOOKED_AT: &str = "not looked at: the database cannot be used, and the section `server` says why";

/// What is examined.
struct Subject<'a> {
    /// The name of the application.
    app: &'static str,
    settings: &'a Settings,
    /// What the application's own state has to complain of.
    state_faults: Vec<String>,
    database: Result<Database, Vec<String>>,
}

/// A database that can be looked at.
struct Database {
    examination: Examination,
    migrations: Migrations,
    /// Keeps the private server, if there is one.
    _prepared: Prepared,
}

impl Database {
    async fn open(app: &App, settings: &Settings) -> Result<Self, BootError> {
        let prepared = prepare(settings, app.name).await?;
        let examination = Examination::open(&prepared, settings.is_production()).await;
        Ok(Self { examination, migrations: Migrations::read(&app.migrations)?, _prepared: prepared })
    }
}

impl Section {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn needs_database(self) -> bool {
        !matches!(self, Self::Settings | Self::Limits)
    }

    async fn examine(self, subject: &Subject<'_>) -> Vec<Finding> {
        match (self, &subject.database) {
            (Self::Settings, _) => settings::findings(subject.settings, &subject.state_faults),
            (Self::Limits, _) => {
                let Settings { limits, .. } = subject.settings;
                Limits::examine(limits, subject.app, &procedure::all(), subject.settings.is_production())
                    .await
            }
            (Self::Server, Err(faults)) => faults.iter().map(Finding::fault).collect(),
            (Self::Server, Ok(database)) => database.examination.server(&pool_settings()).await,
            (_, Err(_)) => vec![Finding::fault(NOT_LOOKED_AT)],
            (_, Ok(database)) if !database.examination.refusals().is_empty() => {
                vec![Finding::fault(NOT_LOOKED_AT)]
            }
            (Self::Migrations, Ok(database)) => {
                let findings = database.examination.migrations(&database.migrations).await;
                or_else(findings, "every migration has run")
            }
            (Self::Roles, Ok(database)) => {
                or_else(database.examination.roles().await, "the roles may what they need, and no more")
            }
            (Self::Tables, Ok(database)) => {
                let guarded = "whatever requests reach is guarded by policies, or said to be public";
                let mut findings = or_else(database.examination.tables().await, guarded);
                findings.extend(database.examination.policies().await);
                findings
            }
            (Self::Models, Ok(database)) => {
                let findings = match database.examination.session() {
                    Some(session) => live::findings(session).await,
                    None => Vec::new(),
                };
                or_else(findings, "the database has the columns that the models read and write")
            }
        }
    }
}

/// The findings, or that there is nothing to find.
fn or_else(findings: Vec<Finding>, fine: &str) -> Vec<Finding> {
    if findings.is_empty() { vec![Finding::ok(fine)] } else { findings }
}

/// The findings of one section.
struct Examined {
    section: Section,
    findings: Vec<Finding>,
}

pub(super) async fn run(app: App, settings: Settings, vars: Vars, command: &Doctor) -> Result<(), BootError> {
    let wanted = |section: &&Section| command.sections.is_empty() || command.sections.contains(section);
    let sections: Vec<_> = Section::value_variants().iter().filter(wanted).copied().collect();
    let database = if sections.iter().any(|section| section.needs_database()) {
        Database::open(&app, &settings).await.map_err(|error| error.0)
    } else {
        Err(Vec::new())
    };
    let subject =
        Subject { app: app.name, settings: &settings, state_faults: app.state_faults(vars), database };
    let mut examined = Vec::new();
    for section in sections {
        examined.push(Examined { section, findings: section.examine(&subject).await });
    }
    tell(&examined, command)
}

/// Tells of settings that cannot be read: nothing else can be looked at without them.
pub(super) fn unreadable(faults: Vec<String>, command: &Doctor) -> Result<(), BootError> {
    let findings = faults.into_iter().map(Finding::fault).collect();
    tell(&[Examined { section: Section::Settings, findings }], command)
}

/// Prints what was found.
///
/// # Errors
/// With nothing more to say, when there is a fault.
fn tell(examined: &[Examined], command: &Doctor) -> Result<(), BootError> {
    super::print(&if command.json { report::json(examined) } else { report::words(examined) });
    let failed = examined.iter().flat_map(|one| &one.findings).any(|finding| finding.level == Level::Fault);
    if failed { Err(BootError(Vec::new())) } else { Ok(()) }
}
