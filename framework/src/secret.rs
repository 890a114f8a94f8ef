//! The secret of an application, and the keys that are made of it.

use std::{
    fmt, fs,
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

/// HMAC-SHA256, with a key for one purpose.
pub(crate) type Signer = Hmac<Sha256>;

/// What only the processes of one application know. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

/// The fewest bytes: as many as the keys have that are made of it.
const LENGTH: usize = 32;

impl Secret {
    /// # Errors
    /// What is wrong with the text, without the text.
    pub(crate) fn new(text: String) -> Result<Self, String> {
        match text.len() {
            LENGTH.. => Ok(Self(text)),
            length => Err(format!(
                "has {length} characters: write at least {LENGTH} that nobody can guess, as `openssl rand -hex 32` \
                 prints them"
            )),
        }
    }

    /// Returns the secret that is kept in a folder; makes one if there is none. Processes that make one at the same
    /// time get the same.
    ///
    /// # Errors
    /// What stands in the way, as a sentence.
    pub(crate) fn of_folder(folder: &Path) -> Result<Self, String> {
        let file = folder.join("secret");
        let shown = file.display();
        match read_or_make(folder, &file) {
            Ok(text) => Self::new(text.trim().to_owned())
                .map_err(|_| format!("{shown} holds no secret: remove it, and a new one is made")),
            Err(error) => Err(format!("cannot keep a secret in {shown}: {error}; set CATENA_SECRET")),
        }
    }

    /// The secret of a test.
    #[cfg(test)]
    pub(crate) fn of_test() -> Self {
        Self("the secret of a test, and of nothing else".to_owned())
    }

    /// Whether it is this text. How long that takes says nothing of the secret.
    pub(crate) fn is(&self, text: &str) -> bool {
        let signer = || self.signer("comparison");
        signer().chain_update(text).verify(&signer().chain_update(&self.0).finalize().into_bytes()).is_ok()
    }

    /// A signer whose key serves this purpose only: HKDF (RFC 5869) with SHA-256, the purpose as its `info`.
    pub(crate) fn signer(&self, purpose: &str) -> Signer {
        signer(self.0.as_bytes(), purpose)
    }
}

/// A signer that only those can make who know `secret`, for this purpose only.
pub(crate) fn signer(secret: &[u8], purpose: &str) -> Signer {
    let extracted = keyed(&[0; 32]).chain_update(secret).finalize().into_bytes();
    // One block is as long as the key, so the expansion ends with the first.
    let key = keyed(&extracted).chain_update(purpose).chain_update([1]).finalize().into_bytes();
    keyed(&key)
}

fn keyed(key: &[u8]) -> Signer {
    Signer::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn read_or_make(folder: &Path, file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        outcome => return outcome,
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = folder.join(format!("secret.{}.new", Uuid::now_v7()));
    let made = make(&new, file);
    let removed = fs::remove_file(&new);
    match made {
        // Another process was first: its secret counts.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made.and(removed)?,
    }
    fs::read_to_string(file)
}

/// Writes a new secret to `new`, then has it appear as `file` at once and whole, unless there is one.
fn make(new: &Path, file: &Path) -> io::Result<()> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(new)?.write_all(text.as_bytes())?;
    fs::hard_link(new, file)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
