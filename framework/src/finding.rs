//! What is found of the surroundings of an application, by the proof before it starts and by `doctor`.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// Which thing it is, and how it is: a sentence without its full stop.
    pub(crate) what: String,
    /// What to run or write; of a database the very SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mend: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// It works, but not as well or as safely as it could.
    Warning,
    /// Production does not start with it, or does not work.
    Fault,
}

impl Finding {
    /// Something is as it should be.
    pub(crate) fn ok(what: impl Into<String>) -> Self {
        Self { level: Level::Ok, what: what.into(), mend: None }
    }

    /// Something works, and could be better.
    pub(crate) fn warning(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Warning, what: what.into(), mend: Some(mend.into()) }
    }

    /// Something must be mended. `what` may say by itself how.
    pub(crate) fn fault(what: impl Into<String>) -> Self {
        Self { level: Level::Fault, what: what.into(), mend: None }
    }
}

/// As the boot complains of it.
impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        match &self.mend {
            Some(mend) => write!(f, "\n  mend: {mend}"),
            None => Ok(()),
        }
    }
}
