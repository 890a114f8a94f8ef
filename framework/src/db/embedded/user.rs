//! Who runs PostgreSQL, and which directories that user can reach.

use std::{
    io,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::Path,
    process::Command,
};

use nix::unistd::{User, geteuid};

use crate::db::SetupError;

/// The user that PostgreSQL runs as: the one of this process or, since PostgreSQL refuses root, an unprivileged one.
pub(super) struct ServerUser(Option<User>);

impl ServerUser {
    /// Finds the user.
    ///
    /// # Errors
    /// When this process is root and there is nobody else.
    pub(super) fn find() -> Result<Self, SetupError> {
        if !geteuid().is_root() {
            return Ok(Self(None));
        }
        let found = ["postgres", "nobody"].iter().find_map(|name| User::from_name(name).ok().flatten());
        found.map(|user| Self(Some(user))).ok_or(SetupError::NoUnprivilegedUser)
    }

    /// Has `command` run as this user. The standard library drops root's other groups on the way.
    pub(super) fn run(&self, command: &mut Command) {
        if let Self(Some(user)) = self {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
    }

    /// Gives `directory` to this user alone.
    pub(super) fn own(&self, directory: &Path) -> Result<(), SetupError> {
        let doing = || format!("give {} to the user of PostgreSQL", directory.display());
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
            .map_err(SetupError::io(doing()))?;
        if let Self(Some(user)) = self {
            std::os::unix::fs::chown(directory, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .map_err(SetupError::io(doing()))?;
        }
        Ok(())
    }

    /// Whether this user may pass through `directory` and all above it.
    pub(super) fn reaches(&self, directory: &Path) -> bool {
        let Self(Some(user)) = self else { return true };
        directory.ancestors().all(|directory| {
            std::fs::metadata(directory).is_ok_and(|found| {
                let needed = if found.uid() == user.uid.as_raw() {
                    0o100
                } else if found.gid() == user.gid.as_raw() {
                    0o010
                } else {
                    0o001
                };
                found.mode() & needed != 0
            })
        })
    }
}

/// Makes a directory with a predictable name in a place where everybody may write, and refuses one that somebody
/// else has put there.
pub(super) fn claim_directory(directory: &Path, user: &ServerUser) -> Result<(), SetupError> {
    let doing = || format!("use {}", directory.display());
    std::fs::create_dir_all(directory).map_err(SetupError::io(doing()))?;
    let found = std::fs::symlink_metadata(directory).map_err(SetupError::io(doing()))?;
    let server = user.0.as_ref().map(|user| user.uid.as_raw());
    let ours = found.uid() == geteuid().as_raw() || Some(found.uid()) == server;
    if !found.is_dir() || !ours {
        let refused =
            io::Error::new(io::ErrorKind::PermissionDenied, "it is a link or belongs to another user");
        return Err(SetupError::io(doing())(refused));
    }
    Ok(())
}
