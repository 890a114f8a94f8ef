//! Finds the installed programs of PostgreSQL.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::db::SetupError;

/// The oldest major version that works.
const OLDEST: u32 = 14;

/// A directory with `initdb` and `postgres`.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    directory: PathBuf,
    major: u32,
}

impl Binaries {
    /// Finds the programs for `data`: those of the version that made it, or for new data the first found, in this
    /// order: `$PG_BIN`, `$PATH`, `pg_config --bindir`, the places where packages put them, newest first.
    ///
    /// # Errors
    /// When none is installed, none is new enough, or none is of the version that made the data.
    pub(super) fn find(data: &Path) -> Result<Self, SetupError> {
        let made_by = std::fs::read_to_string(data.join("PG_VERSION"))
            .ok()
            .and_then(|version| version.trim().parse().ok());
        let mut too_old = None;
        let mut other = false;
        for found in places().into_iter().filter_map(Self::at) {
            if found.major < OLDEST {
                too_old.get_or_insert(found);
            } else if made_by.is_some_and(|major| major != found.major) {
                other = true;
            } else {
                return Ok(found);
            }
        }
        Err(match (made_by, too_old) {
            (Some(made_by), _) if other => SetupError::OtherVersion { made_by, data: data.to_owned() },
            (_, Some(old)) => SetupError::TooOld { found: old.major, directory: old.directory },
            _ => SetupError::NotInstalled,
        })
    }

    /// The command that runs one of the programs.
    pub(super) fn command(&self, program: &str) -> Command {
        Command::new(self.directory.join(program))
    }

    fn at(directory: PathBuf) -> Option<Self> {
        // The programs look for each other beside themselves: follow links to where they really are.
        let postgres = directory.join("postgres").canonicalize().ok()?;
        let directory = postgres.parent()?.to_owned();
        if !directory.join("initdb").exists() {
            return None;
        }
        let version = Command::new(&postgres).arg("--version").output().ok()?;
        let major = major(&String::from_utf8_lossy(&version.stdout))?;
        Some(Self { directory, major })
    }
}

/// The major version in `postgres (PostgreSQL) 17.2 (Debian 17.2-1)`.
fn major(text: &str) -> Option<u32> {
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    places.extend(std::env::var_os("PG_BIN").map(PathBuf::from));
    places.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    if let Ok(found) = Command::new("pg_config").arg("--bindir").output() {
        places.push(String::from_utf8_lossy(&found.stdout).trim().into());
    }
    places.extend(versions("/usr/lib/postgresql", "", "bin"));
    places.extend(versions("/usr", "pgsql-", "bin"));
    places.extend(versions("/opt/homebrew/opt", "postgresql@", "bin"));
    places.extend(versions("/usr/local/opt", "postgresql@", "bin"));
    places.extend(versions("/Applications/Postgres.app/Contents/Versions", "", "bin"));
    places
}

/// The directories `<base>/<prefix><version>/<below>` that there are, newest version first.
fn versions(base: &str, prefix: &str, below: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(base)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(below)))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_every_packager_writes_them() {
        for (text, expected) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 17beta1", Some(17)),
            ("postgres (PostgreSQL) 9.6.24", Some(9)),
            ("postgres", None),
        ] {
            assert_eq!(major(text), expected, "{text}");
        }
    }

    #[test]
    fn versions_are_tried_newest_first() {
        let base = tempfile::tempdir().unwrap();
        for name in ["9", "14", "17", "doc"] {
            std::fs::create_dir(base.path().join(name)).unwrap();
        }
        let found = versions(base.path().to_str().unwrap(), "", "bin");
        assert_eq!(found, ["17", "14", "9"].map(|name| base.path().join(name).join("bin")));
    }

    #[test]
    fn data_of_a_version_that_is_not_installed_is_left_alone() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("PG_VERSION"), "8\n").unwrap();
        assert!(matches!(Binaries::find(data.path()), Err(SetupError::OtherVersion { made_by: 8, .. })));
    }
}
