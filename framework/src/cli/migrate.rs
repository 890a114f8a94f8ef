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
    /// Undo the application's last migration, by its down.sql
    Revert {
        /// Do so in production, where it may lose data
        #[arg(long)]
        yes: bool,
    },
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
        Some(Action::Revert { yes: false }) if settings.is_production() => {
            return Err(BootError(vec![
                "this is production (CATENA_ENV), and undoing a migration may lose data; write `migrate revert --yes` \
                 if that is meant"
                    .to_owned(),
            ]));
        }
        Some(Action::Revert { .. }) => match prepared.revert(&migrations).await? {
            Some(name) => format!("reverted {name}\n"),
            None => "there is nothing to revert\n".to_owned(),
        },
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
