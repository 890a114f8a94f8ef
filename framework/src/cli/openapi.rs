//! `openapi`.

use std::{fs, path::PathBuf};

use clap::Args;

use crate::{
    app::{App, BootError},
    spec::Document,
};

#[derive(Args)]
pub(super) struct Openapi {
    /// Compare with the file instead, and fail if it differs
    #[arg(long)]
    check: bool,
    /// The file to compare with
    #[arg(long, default_value = "openapi.json", requires = "check")]
    file: PathBuf,
}

pub(super) fn run(app: &App, command: &Openapi) -> Result<(), BootError> {
    let document = Document::new(app.name, app.version);
    if !command.check {
        super::print(document.json());
        return Ok(());
    }
    let file = command.file.display();
    match fs::read_to_string(&command.file) {
        Ok(text) if text == document.json() => Ok(()),
        Ok(_) => Err(BootError(vec![format!(
            "{file} differs from the API; write it anew: {} openapi > {file}",
            app.name
        )])),
        Err(error) => Err(BootError(vec![format!(
            "cannot read {file}: {error}; write it: {} openapi > {file}",
            app.name
        )])),
    }
}
