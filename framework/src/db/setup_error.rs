//! Why the database cannot be used; shown to whoever starts the application.

use std::{error::Error as _, io, path::PathBuf};

use super::tls;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// No PostgreSQL is installed.
    #[error(
        "no PostgreSQL is installed here; install its server programs (`apt-get install postgresql` or \
         `brew install postgresql@17`), set PG_BIN to the folder they are in, or set DATABASE_URL to a server that runs"
    )]
    NotInstalled,
    /// Every PostgreSQL that is installed is too old.
    #[error("PostgreSQL {found} in {} is too old; version 14 or newer is needed", directory.display())]
    TooOld {
        /// Its major version.
        found: u32,
        /// Where it is.
        directory: PathBuf,
    },
    /// The data was made by a version that is not installed.
    #[error(
        "{} was made by PostgreSQL {made_by}, which is not installed; install it, or remove the directory to start \
         with an empty database", data.display()
    )]
    OtherVersion {
        /// The major version that made the data.
        made_by: u32,
        /// The data directory.
        data: PathBuf,
    },
    /// The process is root and there is no user to run PostgreSQL as.
    #[error(
        "PostgreSQL does not run as root, and this machine has neither a user `postgres` nor a user `nobody`; add \
         one of them, or run this program as another user"
    )]
    NoUnprivilegedUser,
    /// A program of PostgreSQL did not do its work.
    #[error("{program} failed:\n{output}")]
    Program {
        /// Which one.
        program: &'static str,
        /// The end of what it wrote.
        output: String,
    },
    /// The folder of the private server cannot be made or written to.
    #[error(
        "cannot write to {}, the folder of the private PostgreSQL: {source}; set CATENA_DIR to a folder that you may \
         write to, or DATABASE_URL to a server that runs", path.display()
    )]
    Directory {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file could not be read or written.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done to what.
        doing: String,
        /// Why not.
        source: io::Error,
    },
    /// A setting is not a connection URL. The URL itself is left out: it may hold a password.
    #[error("{why}; write postgres://user:password@host/database, with special characters percent-encoded")]
    InvalidUrl {
        /// Why not.
        why: String,
    },
    /// An option of a URL means nothing, or not what is there.
    #[error("{why}")]
    InvalidOption {
        /// Why not, and what to write.
        why: String,
    },
    /// The server is away or refuses the login.
    #[error("cannot connect to {url}: {why}")]
    Connect {
        /// The URL without its password.
        url: String,
        /// Why not.
        why: String,
    },
    /// A statement of the setup failed.
    #[error("cannot {doing}: {message}")]
    Sql {
        /// What was being done to what.
        doing: String,
        /// What the database said.
        message: String,
    },
    /// The database has a migration that this program does not know.
    #[error(
        "the database has migration {version}, which this program does not know; undo it with the program that ran it"
    )]
    UnknownMigration {
        /// The version, as the database lists it.
        version: String,
    },
    /// A migration cannot be undone.
    #[error(
        "migration {name} says nothing of how to undo it; write it into its down.sql, or write a new migration that \
         undoes it"
    )]
    NoWayBack {
        /// The name of its folder.
        name: String,
    },
    /// A migration failed; nothing of it was written.
    #[error("migration {name} failed{place}: {message}")]
    Migration {
        /// The name of its folder.
        name: String,
        /// ` at line 3 (CREATE TABL tasks)`, or nothing when the database did not say.
        place: String,
        /// What the database said.
        message: String,
    },
}

impl SetupError {
    /// Says what was being done when a file could not be read or written.
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.into(), source }
    }

    /// Says that a migration that failed may have left something.
    pub(super) fn outside_a_transaction(mut self) -> Self {
        if let Self::Migration { message, .. } = &mut self {
            message
                .push_str("; it runs outside a transaction: what stands before that may have taken effect");
        }
        self
    }

    /// Says what was being done when a statement failed.
    pub(crate) fn sql(doing: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Self {
        move |error| Self::Sql { doing: doing.into(), message: message(&error) }
    }
}

/// What went wrong, in one line: the driver's own text is only a category.
pub(super) fn message(error: &tokio_postgres::Error) -> String {
    if let Some(explained) = tls::explain(error) {
        return explained;
    }
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => {
            let more = [said.detail(), said.hint()].into_iter().flatten();
            more.fold(said.message().to_owned(), |text, more| format!("{text}; {more}"))
        }
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}
