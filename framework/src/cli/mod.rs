//! The command line of an application.

mod doctor;
mod jobs;
mod log;
mod migrate;
mod openapi;
mod roles;
mod serve;

use std::{env, fmt::Write as _, process::ExitCode, sync::Arc};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::{
    app::{App, BootError, Vars},
    settings::{self, Setting, Settings},
};

/// Without a command: `serve`.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and work on jobs (the default)
    Serve(serve::Serve),
    /// Work on jobs without serving the API
    Work,
    /// Bring the database up to date, show what is pending, or undo the last migration
    Migrate(migrate::Migrate),
    /// Write the API's OpenAPI document, or tell what has changed in it
    Openapi(openapi::Openapi),
    /// Look at background jobs
    Jobs(jobs::Jobs),
    /// Print the SQL that makes the three roles of the database, and their URLs
    Roles(roles::Roles),
    /// Look for what is wrong with the settings and the database, and say how to mend it
    Doctor(doctor::Doctor),
}

/// Runs the command that the process was started with.
pub(crate) fn run(app: App) -> ExitCode {
    let cli = match parse(&app) {
        Ok(cli) => cli,
        // Help and usage errors are clap's to print: the former to standard output with success.
        Err(error) => error.exit(),
    };
    let outcome = execute(app, cli.command.unwrap_or(Command::Serve(serve::Serve::default())));
    log::flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn parse(app: &App) -> Result<Cli, clap::Error> {
    let command = Cli::command()
        .name(app.name)
        .bin_name(app.name)
        .version(app.version)
        .about(format!("{} {}, built with catena", app.name, app.version))
        .after_help(help(&app.settings))
        .max_term_width(100);
    Cli::from_arg_matches(&command.try_get_matches()?)
}

/// Every setting, for `--help`.
fn help(own: &[Setting]) -> String {
    let mut text = "Settings (environment variables; in development also read from `.env`):\n".to_owned();
    for setting in settings::ALL.iter().chain(own) {
        let default = if setting.default.is_empty() {
            String::new()
        } else {
            format!(" [default: {}]", setting.default)
        };
        let _ = write!(text, "  {}{default}\n          {}\n", setting.name, setting.about);
    }
    text
}

fn execute(app: App, command: Command) -> Result<(), BootError> {
    if let Command::Openapi(command) = command {
        // Needs neither settings nor a database: it also runs where there is none, as in a build.
        return openapi::run(&app, &command);
    }
    if env::var("CATENA_ENV").as_deref() != Ok("production") {
        // A missing file is fine; a file that cannot be read says so by the settings it lacks.
        let _ = dotenvy::dotenv();
    }
    if let Command::Roles(command) = command {
        // Makes what the settings name.
        return roles::run(&app, &command);
    }
    let vars: Vars = Arc::new(|name| env::var(name).ok());
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(mut faults) => {
            // Whoever mends the settings wants to hear of the application's own as well.
            if matches!(command, Command::Serve(_) | Command::Work | Command::Doctor(_)) {
                faults.extend(app.state_faults(vars));
            }
            if let Command::Doctor(command) = command {
                return doctor::unreadable(faults, &command);
            }
            return Err(BootError(faults));
        }
    };
    log::start(&settings);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(log::flush)
        .build()
        .map_err(|error| BootError(vec![format!("cannot start the runtime: {error}")]))?;
    runtime.block_on(async {
        match command {
            Command::Serve(command) => serve::serve(app, settings, vars, !command.no_jobs).await,
            Command::Work => serve::work(app, settings, vars).await,
            Command::Migrate(command) => migrate::run(app, settings, &command).await,
            Command::Jobs(command) => jobs::run(app, settings, &command).await,
            Command::Doctor(command) => doctor::run(app, settings, vars, &command).await,
            Command::Openapi(_) | Command::Roles(_) => Ok(()),
        }
    })
}

/// Prints everything that made a command fail to standard error, as clap prints wrong arguments.
fn complain(error: &BootError) {
    let text = error.0.iter().fold(String::new(), |text, fault| text + "error: " + fault + "\n");
    eprint!("{text}");
}

/// Prints what a command answers with. A reader that went away (`| head`) is no failure.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}
