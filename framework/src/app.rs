//! An application: what it is made of, and how it comes up.

use std::{collections::BTreeSet, fmt, process::ExitCode, sync::Arc};

use diesel_migrations::EmbeddedMigrations;

use crate::{
    auth::{Devices, Passwords},
    cli,
    clock::Clock,
    db::{self, Database, Examination, Migrations, PoolSettings, Prepared, SetupError, Source},
    error::Error,
    finding::{Finding, Level},
    http::{self, Front},
    jobs::{self, Job, Wake},
    limit::{ClientIp, Limits, Quotas},
    metrics,
    model::live,
    paging::CursorKey,
    procedure::{self, Procedure},
    secret::Secret,
    services::{Services, States},
    settings::{Setting, Settings, is_production},
    spec::{self, Document, Info},
};

/// An application: its name, its migrations, its own settings and state. [`crate::app!`] makes one; its procedures
/// and jobs are found by themselves.
///
/// ```no_run
/// use catena::{App, Setting};
///
/// /// What greetings begin with, which procedures reach by `ctx.state::<Greeting>()?`.
/// struct Greeting(String);
///
/// fn app() -> App {
///     catena::app!()
///         .setting(Setting { name: "GREETING", default: "Hello", about: "What greetings begin with." })
///         .state_with(|boot| match boot.var("GREETING") {
///             Some(word) if word.contains('\n') => Err("GREETING has two lines: write one"),
///             word => Ok(Greeting(word.unwrap_or_else(|| "Hello".to_owned()))),
///         })
/// }
///
/// fn main() -> std::process::ExitCode {
///     app().run()
/// }
/// ```
#[must_use = "an application does nothing before `.run()`"]
pub struct App {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    description: &'static str,
    license: &'static str,
    tags: Vec<(&'static str, &'static str)>,
    pub(crate) migrations: EmbeddedMigrations,
    pub(crate) settings: Vec<Setting>,
    states: Vec<StateBuilder>,
}

type StateBuilder = Box<dyn FnOnce(&Boot, &mut States) -> Result<(), String> + Send>;

/// Reads an environment variable; tests put their own values in front.
pub(crate) type Vars = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What is known while an application comes up.
pub struct Boot {
    production: bool,
    vars: Vars,
}

impl Boot {
    /// Whether `CATENA_ENV` is `production`.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.production
    }

    /// The value of an environment variable; `None` if it is not set or empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<String> {
        (self.vars)(name).filter(|value| !value.is_empty())
    }
}

impl App {
    /// An application without state or settings of its own; use [`crate::app!`].
    pub fn new(name: &'static str, version: &'static str, migrations: EmbeddedMigrations) -> Self {
        Self {
            name,
            version,
            description: "",
            license: "",
            tags: Vec::new(),
            migrations,
            settings: Vec::new(),
            states: Vec::new(),
        }
    }

    /// What the application is for, in a paragraph of Markdown: its document begins with it. That of `Cargo.toml`
    /// unless said otherwise.
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// The licence of the API, an SPDX expression, for its document. That of `Cargo.toml` unless said otherwise.
    pub fn license(mut self, license: &'static str) -> Self {
        self.license = license;
        self
    }

    /// Adds a value that procedures and jobs reach by its type: `ctx.state::<T>()`.
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.state_with(|_| Ok::<_, Error>(value))
    }

    /// Adds a value that is made when the application comes up, from its settings. An error stops the boot; it is
    /// shown beside everything else that is wrong.
    pub fn state_with<T, E>(mut self, build: impl FnOnce(&Boot) -> Result<T, E> + Send + 'static) -> Self
    where
        T: Send + Sync + 'static,
        E: fmt::Display,
    {
        self.states.push(Box::new(|boot, states| {
            states.insert(build(boot).map_err(|error| error.to_string())?);
            Ok(())
        }));
        self
    }

    /// Declares a setting of the application's own, for `--help`; read it by [`Boot::var`].
    pub fn setting(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }

    /// Runs what the command line says: `serve` if it says nothing. `--help` lists the commands and every setting.
    pub fn run(self) -> ExitCode {
        cli::run(self)
    }

    /// What the procedures under a heading of the document are about, in a sentence: `.tag("tasks", "Things to do.")`.
    pub fn tag(mut self, name: &'static str, description: &'static str) -> Self {
        self.tags.push((name, description));
        self
    }

    /// What the API's document says about the application.
    pub(crate) fn info(&self) -> Info {
        Info {
            name: self.name,
            version: self.version,
            description: self.description,
            license: self.license,
            tags: self.tags.clone(),
        }
    }

    /// What is wrong with the settings that the state is built from.
    pub(crate) fn state_faults(self, vars: Vars) -> Vec<String> {
        build(self.states, &Boot { production: is_production(&vars), vars }).1
    }

    /// Brings the application up: checks what is linked, opens the database that the settings name unless one is
    /// given, builds the state, starts the limits.
    ///
    /// # Errors
    /// Everything that is wrong, a sentence each.
    pub(crate) async fn boot(
        self,
        settings: Settings,
        vars: Vars,
        database: Option<Database>,
        counting: Counting,
    ) -> Result<Booted, BootError> {
        let (info, mut faults) = (self.info(), registry_faults());
        faults.extend(unknown_tags(&info));
        let (states, state_faults) = build(self.states, &Boot { production: settings.is_production(), vars });
        faults.extend(state_faults);
        if !faults.is_empty() {
            return Err(BootError(faults));
        }
        let secret = match &settings.secret {
            Some(secret) => secret.clone(),
            None => Secret::of_folder(&settings.dir).map_err(|fault| BootError(vec![fault]))?,
        };
        let database = match database {
            Some(database) => database,
            None => open(&settings, self.name, &self.migrations).await?,
        };
        let (procedures, clock) = (procedure::all(), Clock::default());
        let limits = match counting {
            Counting::InRedis => limits(&settings, self.name, &procedures, &clock).await?,
            #[cfg(feature = "testing")]
            Counting::InMemory => Some(Limits::in_memory(&settings.limits, &procedures, &clock)),
        };
        let services = Arc::new(Services {
            settings,
            database,
            states,
            passwords: Passwords::new(),
            devices: Devices::new(&secret),
            cursor_key: CursorKey::new(&secret),
            clock,
            limits,
            wake: Wake::default(),
        });
        let document = Document::new(&info);
        metrics::install();
        let endpoint = http::router(&services, &procedures, &document);
        let admin = http::admin_router(&services, &document);
        tracing::info!(procedures = procedures.len(), jobs = jobs::all().len(), "found");
        Ok(Booted { services, endpoint: Arc::new(endpoint), admin: Arc::new(admin), document })
    }
}

/// Where requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    /// In the Redis that the settings name; nowhere if they name none.
    InRedis,
    /// In the memory of the process, by the clock of a test.
    #[cfg(feature = "testing")]
    InMemory,
}

/// Starts the limits, and says how they are.
async fn limits(
    settings: &Settings,
    app: &str,
    procedures: &[&'static Procedure],
    clock: &Clock,
) -> Result<Option<Limits>, BootError> {
    let setup = &settings.limits;
    let limits =
        Limits::start(setup, app, procedures, clock).await.map_err(|fault| BootError(vec![fault]))?;
    match &setup.redis {
        Some(redis) => {
            let Quotas { public, auth, account, protected } = setup.quotas;
            let client_ip = setup.client_ip.as_ref().unwrap_or(&ClientIp::Peer);
            tracing::info!(%redis, %public, %auth, %account, %protected, %client_ip, "rate limits are on");
        }
        None if settings.is_production() => tracing::warn!(
            "rate limits are off: set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL"
        ),
        None => {}
    }
    Ok(limits)
}

/// Builds the state; returns what could be built, and what is wrong with the rest.
fn build(builders: Vec<StateBuilder>, boot: &Boot) -> (States, Vec<String>) {
    let mut states = States::default();
    let faults = builders.into_iter().filter_map(|build| build(boot, &mut states).err()).collect();
    (states, faults)
}

/// Opens the database that the settings name, in development with all migrations.
///
/// # Errors
/// Everything that keeps the application from starting, with what mends it.
async fn open(
    settings: &Settings,
    app: &str,
    migrations: &EmbeddedMigrations,
) -> Result<Database, BootError> {
    let prepared = prepare(settings, app).await?;
    let migrations = Migrations::read(migrations)?;
    if !settings.is_production() {
        for name in prepared.migrate(&migrations).await? {
            tracing::info!(migration = name, "migrated");
        }
    }
    let examination = Examination::open(&prepared, settings.is_production()).await;
    let mut findings = examination.proof(&migrations).await;
    if let Some(session) = examination.session() {
        findings.extend(live::findings(session).await);
    }
    let (faults, others) = split(findings);
    for Finding { what, mend, .. } in others {
        tracing::warn!(mend, "{what}");
    }
    connect_unless(faults, prepared, &examination).await
}

/// Opens the pools, as the sessions of jobs allow, unless there are faults.
async fn connect_unless(
    faults: Vec<String>,
    prepared: Prepared,
    examination: &Examination,
) -> Result<Database, BootError> {
    if !faults.is_empty() {
        return Err(BootError(faults));
    }
    let shares_jobs = examination.shares_jobs().await;
    Ok(prepared.connect(PoolSettings { shares_jobs, ..pool_settings() })?)
}

/// The faults, as the boot complains of them, and the other findings.
fn split(findings: Vec<Finding>) -> (Vec<String>, Vec<Finding>) {
    let (faults, others): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.level == Level::Fault);
    (faults.iter().map(Finding::to_string).collect(), others)
}

/// Finds the database that the settings name, and prepares it where they let us.
///
/// # Errors
/// When there is none, or the settings do not name the roles it needs.
pub(crate) async fn prepare(settings: &Settings, app: &str) -> Result<Prepared, BootError> {
    let source = match (&settings.database_url, &settings.database_jobs_url) {
        (None, _) => Source::Embedded(settings.dir.clone()),
        (Some(web), Some(jobs)) => {
            Source::Roles { web: web.clone(), jobs: jobs.clone(), owner: settings.database_owner_url.clone() }
        }
        (Some(url), None) if db::is_privileged(url).await? => Source::Privileged(url.clone()),
        (Some(_), None) => {
            return Err(BootError(vec![
                "DATABASE_JOBS_URL is not set, and the role of DATABASE_URL may not make the roles that are \
                 missing: set DATABASE_JOBS_URL and DATABASE_OWNER_URL too, or write the URL of a superuser into \
                 DATABASE_URL"
                    .to_owned(),
            ]));
        }
    };
    Ok(Prepared::new(&source, app).await?)
}

/// Opens the pools of a database whose application runs, for a command that looks at it.
///
/// # Errors
/// When a role cannot log in, or the database lacks what this version needs.
pub(crate) async fn connect(
    prepared: Prepared,
    migrations: &EmbeddedMigrations,
) -> Result<Database, BootError> {
    let examination = Examination::open(&prepared, true).await;
    let mut findings = examination.refusals().to_vec();
    findings.extend(examination.migrations(&Migrations::read(migrations)?).await);
    let (faults, _) = split(findings);
    connect_unless(faults, prepared, &examination).await
}

/// The pools of this binary: the server must not end what a procedure or a job may still take its time for.
pub(crate) fn pool_settings() -> PoolSettings {
    PoolSettings {
        request: http::longest_request(),
        attempt: jobs::longest_attempt(),
        ..PoolSettings::default()
    }
}

/// An application that is up, before anything is served or worked on.
pub(crate) struct Booted {
    pub(crate) services: Arc<Services>,
    pub(crate) endpoint: Arc<Front>,
    /// What is served at the second address.
    pub(crate) admin: Arc<Front>,
    pub(crate) document: Document,
}

/// Why an application did not come up: everything that was found wrong.
#[derive(Debug)]
pub(crate) struct BootError(pub(crate) Vec<String>);

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for BootError {}

impl From<Error> for BootError {
    fn from(error: Error) -> Self {
        Self(vec![error.chain()])
    }
}

impl From<SetupError> for BootError {
    fn from(error: SetupError) -> Self {
        Self(vec![error.to_string()])
    }
}

/// Everything that procedures or jobs contend for.
fn registry_faults() -> Vec<String> {
    let procedures = procedure::all();
    let mut faults = procedure::clashes(&procedures);
    faults.extend(spec::clashes(&procedures));
    faults.extend(spec::refused_defaults(&procedures));
    faults.extend(jobs::all().windows(2).filter(|pair| pair[0].name == pair[1].name).map(same_name));
    faults
}

/// The headings that are described and that no procedure stands under.
fn unknown_tags(info: &Info) -> Vec<String> {
    let known: BTreeSet<_> = procedure::all().into_iter().filter_map(Procedure::tag).collect();
    let unknown = info.tags.iter().map(|(name, _)| *name).filter(|name| !known.contains(name));
    let listed = || known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    unknown
        .map(|name| {
            format!("no procedure has the tag `{name}`, which `.tag(..)` describes; there are {}", listed())
        })
        .collect()
}

fn same_name(pair: &[&'static Job]) -> String {
    format!(
        "two jobs are named `{}`: at {} and at {}; rename one of the functions",
        pair[0].name,
        pair[0].location(),
        pair[1].location()
    )
}

/// Makes the application of the crate it stands in: its name and version, and the migrations in its folder
/// `migrations`, or in the folder that is named: `app!("db/migrations")`.
///
/// The migrations become part of the program. A build script has new ones noticed:
/// `println!("cargo::rerun-if-changed=migrations");`.
///
/// ```
/// pub fn app() -> catena::App {
///     catena::app!()
/// }
/// ```
#[macro_export]
macro_rules! app {
    () => {
        $crate::app!("migrations")
    };
    ($migrations:literal) => {{
        use $crate::__private::diesel_migrations;
        const MIGRATIONS: diesel_migrations::EmbeddedMigrations =
            diesel_migrations::embed_migrations!($migrations);
        $crate::App::new(::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_PKG_VERSION"), MIGRATIONS)
            .description(::core::env!("CARGO_PKG_DESCRIPTION"))
            .license(::core::env!("CARGO_PKG_LICENSE"))
    }};
}
