//! Log lines: to standard error, for people or for programs.

mod text;

use std::{
    io::{self, IsTerminal as _, Write},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use tracing::Metadata;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use self::text::Lines;
use crate::{
    http::REQUEST_TARGET,
    parts::Parts,
    settings::{LogFormat, Settings},
};

/// What is never logged, whatever `RUST_LOG` says: below `info` the driver of the database writes the values of every
/// statement, among them password hashes and what users send.
const MUTED: &str = "tokio_postgres=info";

/// What is logged only if `RUST_LOG` names it: what the client of Redis has to say of an outage is said of the limits,
/// once.
const ECHO: &str = "fred";

/// Starts logging; does nothing if the program has started it already.
pub(super) fn start(settings: &Settings) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&settings.log))
        .with_writer(Gathering { lines: &LINES, out: io::stderr })
        .with_ansi(io::stderr().is_terminal());
    let _ = match settings.log_format {
        LogFormat::Text => builder.event_format(Lines::new()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// Writes the lines that were gathered. The runtime calls it whenever one of its threads has nothing to do.
pub(super) fn flush() {
    write_out(&LINES, io::stderr());
}

/// The lines of answered requests that are not written yet.
static LINES: Gathered = LazyLock::new(Parts::default);

/// Lines, where the threads put them.
type Gathered = LazyLock<Parts<Mutex<Vec<u8>>>>;

/// As many bytes are written at once, whether or not a thread has nothing to do.
const ENOUGH: usize = 16 * 1024;

/// Writes lines to `out`. Those of answered requests are gathered, because a system call for each costs a busy server
/// more than its answer; any other line is written at once, behind what was gathered before it. Requests that different
/// threads answered at about the same time may change places.
struct Gathering<O> {
    lines: &'static Gathered,
    out: fn() -> O,
}

/// Takes one line.
struct Line<O> {
    lines: &'static Gathered,
    out: O,
    may_wait: bool,
}

impl<'a, O: Write + 'a> MakeWriter<'a> for Gathering<O> {
    type Writer = Line<O>;

    fn make_writer(&'a self) -> Line<O> {
        Line { lines: self.lines, out: (self.out)(), may_wait: false }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line<O> {
        Line { may_wait: about.target() == REQUEST_TARGET, ..self.make_writer() }
    }
}

impl<O: Write> Write for Line<O> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.may_wait {
            let mut lines = locked(self.lines.own());
            lines.extend_from_slice(line);
            if lines.len() >= ENOUGH {
                take_out(&mut lines, &mut self.out);
            }
        } else {
            write_out(self.lines, &mut self.out);
            // As below.
            let _ = self.out.write_all(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn locked(lines: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_out(lines: &Gathered, mut out: impl Write) {
    for part in lines.iter() {
        take_out(&mut locked(part), &mut out);
    }
}

/// What cannot be written is dropped: there is no other place to say so.
fn take_out(lines: &mut Vec<u8>, out: &mut impl Write) {
    if !lines.is_empty() {
        let _ = out.write_all(lines);
        lines.clear();
    }
}

fn filter(levels: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(levels).unwrap_or_else(|_| EnvFilter::new("info"));
    let echo = (!levels.contains(ECHO)).then(|| format!("{ECHO}=off"));
    let directives = [Some(MUTED.to_owned()), echo];
    directives
        .iter()
        .flatten()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, EnvFilter::add_directive)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is written is kept.
    #[derive(Clone, Default)]
    pub(super) struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        pub(super) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Kept {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_of_requests_wait_for_the_next_line_or_a_flush() {
        static LINES: Gathered = LazyLock::new(Parts::default);
        static OUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
        struct Out;
        impl Write for Out {
            fn write(&mut self, text: &[u8]) -> io::Result<usize> {
                OUT.lock().unwrap().write(text)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = || String::from_utf8(std::mem::take(&mut *OUT.lock().unwrap())).unwrap();
        let subscriber = tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_target(false)
            .with_writer(Gathering { lines: &LINES, out: || Out })
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: REQUEST_TARGET, "first");
            assert_eq!(written(), "");
            tracing::warn!("second");
            assert_eq!(written(), " INFO first\n WARN second\n");

            tracing::info!(target: REQUEST_TARGET, "third");
            write_out(&LINES, Out);
            assert_eq!(written(), " INFO third\n");

            for _ in 0..ENOUGH / " INFO more\n".len() {
                tracing::info!(target: REQUEST_TARGET, "more");
            }
            assert_eq!(written(), "");
            tracing::info!(target: REQUEST_TARGET, "more");
            assert!(written().len() >= ENOUGH, "a busy server writes without a rest");
        });
    }

    /// What is logged of what happens, at these levels.
    fn logged(levels: &str, what_happens: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter(levels))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, what_happens);
        kept.text()
    }

    #[test]
    fn the_values_of_statements_are_never_logged() {
        for levels in ["trace", "info,tokio_postgres=trace"] {
            let text = logged(levels, || {
                tracing::debug!(target: "tokio_postgres::query", "a password's hash");
                tracing::info!(target: "tokio_postgres::connection", "a notice");
            });
            assert!(text.contains("a notice") && !text.contains("a password's hash"), "{levels}: {text}");
        }
    }

    #[test]
    fn the_client_of_redis_speaks_when_it_is_asked() {
        for (levels, is_heard) in [("info", false), ("trace", false), ("info,fred=warn", true)] {
            let text = logged(levels, || {
                tracing::warn!(target: "fred::router::responses", "the connection closed");
            });
            assert_eq!(text.contains("the connection closed"), is_heard, "{levels}");
        }
    }
}
