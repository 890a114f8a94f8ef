//! The service with catena.

use std::process::ExitCode;

use catena::{
    App, Ctx, Result, model, procedure,
    testing::{EmbeddedMigrations, TestApp},
};
use catena_bench::{Mode, answer, block_on, mode};

#[model]
pub struct NewTask {
    #[check(len = 1..=200)]
    pub title: String,
    #[check(range = 1..=5)]
    pub priority: i32,
    pub labels: Vec<String>,
}

#[model]
pub struct Task {
    pub id: i64,
    pub title: String,
    pub priority: i32,
    pub labels: Vec<String>,
}

#[procedure(tier = "public")]
pub async fn make(_ctx: &Ctx, input: NewTask) -> Result<Task> {
    Ok(Task { id: 1, title: input.title, priority: input.priority, labels: input.labels })
}

fn app() -> App {
    App::new("ours", "0.0.0", EmbeddedMigrations::new(&[]))
}

fn main() -> ExitCode {
    // The same command line as the others', beside the framework's own.
    let Mode::Calls(n) = mode() else { return app().run() };
    block_on(async {
        let app = TestApp::builder(app()).without_database().start().await;
        answer(&app.endpoint(), n).await;
    });
    ExitCode::SUCCESS
}
