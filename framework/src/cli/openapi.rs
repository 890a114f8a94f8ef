//! `openapi`, and the file that `serve` keeps current.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::Value;

use crate::{
    app::{App, BootError},
    spec::{Document, breaking_changes},
};

#[derive(Args)]
pub(super) struct Openapi {
    /// Compare the file with the API instead; fail if they differ, and list what breaks clients
    #[arg(long, conflicts_with = "print")]
    check: bool,
    /// Print the document instead
    #[arg(long)]
    print: bool,
    /// The file [default: `openapi.json`, under `cargo run` beside Cargo.toml]
    #[arg(long, conflicts_with = "print")]
    file: Option<PathBuf>,
}

pub(super) fn run(app: &App, command: &Openapi) -> Result<(), BootError> {
    let document = Document::new(&app.info());
    let file = command.file.clone().unwrap_or_else(default_file);
    if command.print {
        super::print(document.json());
        return Ok(());
    }
    if command.check {
        return check(&file, &document, app.name);
    }
    write(&file, document.json())
        .map_err(|error| BootError(vec![format!("cannot write {}: {error}", file.display())]))?;
    // Not to standard output: who redirects it to the file would have this line in it.
    eprintln!("wrote {}", file.display());
    Ok(())
}

/// Rewrites the file if the API has changed. A file that cannot be written is no reason not to serve.
pub(super) fn keep_current(document: &Document) {
    let file = default_file();
    if fs::read_to_string(&file).is_ok_and(|text| text == document.json()) {
        return;
    }
    let shown = file.display();
    match write(&file, document.json()) {
        Ok(()) => tracing::info!("wrote {shown}, as the API has changed"),
        Err(error) => tracing::warn!("{shown} is out of date and cannot be written: {error}"),
    }
}

/// Beside the sources that the document belongs to, where Cargo says which they are; else in the working directory.
fn default_file() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default().join("openapi.json")
}

/// Writes the file as a whole: whoever watches it never reads half a document.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let new = file.with_extension(format!("json.{}.new", std::process::id()));
    fs::write(&new, text).and_then(|()| fs::rename(&new, file)).inspect_err(|_| drop(fs::remove_file(&new)))
}

fn check(file: &Path, document: &Document, app: &str) -> Result<(), BootError> {
    let shown = file.display();
    let failed = |fault: String| Err(BootError(vec![fault]));
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return failed(format!("cannot read {shown}: {error}; write it by `{app} openapi`")),
    };
    if text == document.json() {
        return Ok(());
    }
    let Ok(old) = serde_json::from_str::<Value>(&text) else {
        return failed(format!("{shown} is not JSON; write it anew by `{app} openapi`"));
    };
    let new = serde_json::from_str(document.json()).expect("it was written as JSON");
    let mut faults = breaking_changes(&old, &new);
    faults.push(match faults.len() {
        0 => format!("{shown} is out of date, but nothing breaks clients: write it anew by `{app} openapi`"),
        1 => format!("1 change to {shown} breaks clients; if it is meant, run `{app} openapi`"),
        n => format!("{n} changes to {shown} break clients; if they are meant, run `{app} openapi`"),
    });
    Err(BootError(faults))
}
