//! `migrate`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use crate::{
    app::{App, BootError, prepare},
    db::Migrations,
    settings::Settings,
};

#[derive(Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Run what is pending (the default)
    Run,
    /// Show each migration and whether it has run
    Status,
}

pub(super) async fn run(app: App, settings: Settings, command: &Migrate) -> Result<(), BootError> {
    let prepared = prepare(&settings, app.name).await?;
    let migrations = Migrations::read(&app.migrations)?;
    let Some(owner) = prepared.owner() else {
        return Err(BootError(vec![
            "DATABASE_OWNER_URL is not set: migrations run as the role that owns the tables; write its URL, \
             postgres://user:password@host/database"
                .to_owned(),
        ]));
    };
    let text = match command.action {
        None | Some(Action::Run) => {
            let ran = prepared.migrate(&migrations).await?;
            if ran.is_empty() { "the database is up to date\n".to_owned() } else { ran.join("\n") + "\n" }
        }
        Some(Action::Status) => {
            migrations.status(owner).await?.iter().fold(String::new(), |mut text, migration| {
                let state = if migration.applied { "applied" } else { "pending" };
                let whose = if migration.house { "catena" } else { app.name };
                let _ = writeln!(text, "{state}  {whose}  {}", migration.name);
                text
            })
        }
    };
    super::print(&text);
    Ok(())
}
