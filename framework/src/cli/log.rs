//! Log lines: to standard error, for people or for programs.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// What is never logged, whatever `RUST_LOG` says: below `info` the driver of the database writes the values of every
/// statement, among them password hashes and what users send.
const MUTED: &str = "tokio_postgres=info";

/// Starts logging; does nothing if the program has started it already.
pub(super) fn start(settings: &Settings) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&settings.log))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let _ = match settings.log_format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

fn filter(levels: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(levels).unwrap_or_else(|_| EnvFilter::new("info"));
    MUTED.parse().into_iter().fold(filter, EnvFilter::add_directive)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is written is kept.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_values_of_statements_are_never_logged() {
        for levels in ["trace", "info,tokio_postgres=trace"] {
            let kept = Kept::default();
            let writer = kept.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter(filter(levels))
                .with_writer(move || writer.clone())
                .finish();
            tracing::subscriber::with_default(subscriber, || {
                tracing::debug!(target: "tokio_postgres::query", "a password's hash");
                tracing::info!(target: "tokio_postgres::connection", "a notice");
            });
            let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("a notice") && !text.contains("a password's hash"), "{levels}: {text}");
        }
    }
}
