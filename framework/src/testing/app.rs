//! An application under test.

use std::{collections::HashMap, sync::Arc, time::Duration};

use poem::{Endpoint, Response};

use super::{Client, TestDb};
use crate::{
    app::{App, Booted, Counting, Vars},
    db::{Database, PoolSettings, Prepared, Url},
    jobs::Engine,
    settings::Settings,
};

/// An application that is up, with a database of its own that is gone with the test.
///
/// Jobs run when the test says so: [`TestApp::run_jobs`].
pub struct TestApp {
    booted: Booted,
    db: Option<TestDb>,
}

/// An application about to be started with settings of the test's own.
#[must_use = "nothing is started before `.start()`"]
pub struct TestAppBuilder {
    app: App,
    vars: HashMap<&'static str, String>,
    without_database: bool,
    counting: Counting,
}

/// A database that is not there, for applications whose test needs none: nothing listens on port 1.
fn nowhere() -> Database {
    let url = Url::parse("postgres://nobody@127.0.0.1:1/nowhere").expect("a URL");
    let nowhere = Prepared::of_roles(url.clone(), url, None).connect(PoolSettings::default());
    nowhere.expect("it names no authorities")
}

impl TestAppBuilder {
    /// Sets an environment variable for this application only.
    pub fn var(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.vars.insert(name, value.into());
        self
    }

    /// Starts the application without a database, which is quicker. Whatever reaches for it is answered with 503.
    pub fn without_database(mut self) -> Self {
        self.without_database = true;
        self
    }

    /// Limits requests as in production, counting in memory: [`TestApp::advance`] lets windows pass. Without it nothing
    /// is limited, unless the test sets `REDIS_URL`.
    pub fn with_limits(mut self) -> Self {
        self.counting = Counting::InMemory;
        self
    }

    /// Starts the application on a new database with all migrations.
    ///
    /// # Panics
    /// If the application does not come up: the message says why.
    pub async fn start(mut self) -> TestApp {
        let db = if self.without_database { None } else { Some(TestDb::new(&self.app.migrations).await) };
        if let Some(db) = &db {
            for (name, url) in [
                ("DATABASE_URL", db.web_url()),
                ("DATABASE_JOBS_URL", db.jobs_url()),
                ("DATABASE_OWNER_URL", db.owner_url()),
            ] {
                self.vars.entry(name).or_insert_with(|| url.to_owned());
            }
        }
        self.vars
            .entry("CATENA_SECRET")
            .or_insert_with(|| "the secret of applications under test".to_owned());
        let own = self.vars;
        // The surroundings of a test are not the application's: only what the test says is set.
        let vars: Vars = Arc::new(move |name| own.get(name).cloned());
        let settings =
            Settings::read(|name| vars(name)).unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
        let nowhere = self.without_database.then(nowhere);
        let booted = self
            .app
            .boot(settings, vars, nowhere, self.counting)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        TestApp { booted, db }
    }
}

impl TestApp {
    /// Starts an application; see [`TestApp::builder`] for settings.
    ///
    /// # Panics
    /// If it does not come up: the message says why.
    pub async fn start(app: App) -> Self {
        Self::builder(app).start().await
    }

    /// An application about to be started.
    pub fn builder(app: App) -> TestAppBuilder {
        TestAppBuilder { app, vars: HashMap::new(), without_database: false, counting: Counting::InRedis }
    }

    /// A new client, signed in as nobody.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.booted.endpoint.clone())
    }

    /// The endpoint that answers everything, without a client around it: for measuring.
    #[must_use]
    pub fn endpoint(&self) -> impl Endpoint<Output = Response> + use<> {
        self.booted.endpoint.clone()
    }

    /// The database.
    ///
    /// # Panics
    /// If the application was started without one.
    #[must_use]
    pub fn db(&self) -> &TestDb {
        self.db.as_ref().expect("the application was started without a database")
    }

    /// Fires the schedules that are due and runs jobs until none is due and none is running.
    ///
    /// # Panics
    /// If the queue cannot be reached.
    pub async fn run_jobs(&self) {
        let engine = Engine::start(self.booted.services.clone())
            .await
            .unwrap_or_else(|error| panic!("{}", error.chain()));
        engine.run_until_idle().await.unwrap_or_else(|error| panic!("{}", error.chain()));
        engine.shutdown(Duration::ZERO).await;
    }

    /// Lets time pass: `ctx.now()` and `job.now()` move on, and jobs, schedules and sessions are that much closer to
    /// their times. What PostgreSQL itself calls `now()` stays.
    ///
    /// # Panics
    /// If the database cannot be reached.
    pub async fn advance(&self, time: Duration) {
        self.booted.services.clock.advance(time);
        if let Some(db) = &self.db {
            db.advance(time).await;
        }
    }
}
