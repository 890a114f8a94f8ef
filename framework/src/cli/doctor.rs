//! `doctor`: looks at everything around an application that it depends on.
//!
//! A section is a variant of [`Section`] and a function that returns its findings. What is looked at in a database stands
//! in `db/proof`, where the boot finds it too.

mod report;
mod settings;

use clap::{Args, ValueEnum};

use crate::{
    app::{App, BootError, Vars},
    finding::{Finding, Level},
    settings::Settings,
};

#[derive(Args)]
#[command(after_help = "\
A fault is what production does not start with, or cannot work with, and makes the command fail; a warning does not. \
Each comes with what mends it: for the database the SQL to run.")]
pub(super) struct Doctor {
    /// Which sections to look at; all of them if none is named
    #[arg(value_name = "SECTION")]
    sections: Vec<Section>,
    /// As JSON: an array of objects with section, level (ok, warning or fault), what and mend
    #[arg(long)]
    json: bool,
}

/// What is looked at together, in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    /// What the environment says, and what the application makes of it
    Settings,
}

/// What is examined.
struct Subject<'a> {
    settings: &'a Settings,
    /// What the application's own state has to complain of.
    state_faults: Vec<String>,
}

impl Section {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    async fn examine(self, subject: &Subject<'_>) -> Vec<Finding> {
        match self {
            Self::Settings => settings::findings(subject.settings, &subject.state_faults),
        }
    }
}

/// The findings of one section.
struct Examined {
    section: Section,
    findings: Vec<Finding>,
}

pub(super) async fn run(app: App, settings: Settings, vars: Vars, command: &Doctor) -> Result<(), BootError> {
    let subject = Subject { settings: &settings, state_faults: app.state_faults(vars) };
    let mut examined = Vec::new();
    for &section in Section::value_variants() {
        if command.sections.is_empty() || command.sections.contains(&section) {
            examined.push(Examined { section, findings: section.examine(&subject).await });
        }
    }
    tell(&examined, command)
}

/// Tells of settings that cannot be read: nothing else can be looked at without them.
pub(super) fn unreadable(faults: Vec<String>, command: &Doctor) -> Result<(), BootError> {
    let findings = faults.into_iter().map(Finding::fault).collect();
    tell(&[Examined { section: Section::Settings, findings }], command)
}

/// Prints what was found.
///
/// # Errors
/// With nothing more to say, when there is a fault.
fn tell(examined: &[Examined], command: &Doctor) -> Result<(), BootError> {
    super::print(&if command.json { report::json(examined) } else { report::words(examined) });
    let failed = examined.iter().flat_map(|one| &one.findings).any(|finding| finding.level == Level::Fault);
    if failed { Err(BootError(Vec::new())) } else { Ok(()) }
}
