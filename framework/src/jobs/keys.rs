//! What jobs are told apart by.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Job, JobType, enqueue::NO_ARGUMENTS};
use crate::{
    error::{Error, Result},
    model::{Schema, write_body},
};

/// The first half of a SHA-256: as many bytes as two jobs never share by chance.
pub(super) type Digest = [u8; 16];

/// A key in the making: what is the same for jobs that are alike.
pub struct Key(Sha256);

impl Key {
    /// The key of all jobs of a kind; `purpose` keeps those of one use from those of another.
    pub(super) fn new(job: &Job, purpose: &str) -> Self {
        let mut hash = Sha256::new();
        for text in [purpose, job.name] {
            add(&mut hash, text.as_bytes());
        }
        Self(hash)
    }

    /// Tells jobs apart by a field of their arguments.
    ///
    /// # Errors
    /// `internal` for a value that its own schema cannot express.
    pub fn field<T: Schema>(&mut self, name: &str, value: &T) -> Result<()> {
        add(&mut self.0, name.as_bytes());
        self.json(&write_body(value)?)
    }

    /// Tells jobs apart by all their arguments, which are this JSON text.
    pub(super) fn json(&mut self, text: &[u8]) -> Result<()> {
        // The order of a map's keys is no part of it.
        let mut value: Value = serde_json::from_slice(text).map_err(Error::internal)?;
        value.sort_all_objects();
        add(&mut self.0, value.to_string().as_bytes());
        Ok(())
    }

    pub(super) fn finish(self) -> Digest {
        let hash: [u8; 32] = self.0.finalize().into();
        std::array::from_fn(|at| hash[at])
    }
}

/// Adds a piece with its length, so that no two lists of pieces are one text.
fn add(hash: &mut Sha256, piece: &[u8]) {
    hash.update((piece.len() as u64).to_le_bytes());
    hash.update(piece);
}

/// How jobs that are alike are kept to one: what `unique(..)` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unique {
    /// How long another is not made at least, in milliseconds.
    pub within_ms: Option<u64>,
    /// Whether another may be made once the job has begun; otherwise once it has ended.
    pub until_start: bool,
    /// Whether a job that still waits is given the arguments of the other, which is not made either way.
    pub replaces: bool,
}

/// The key that keeps a job with these arguments, which `text` are as JSON, apart from its like.
pub(super) fn unique_key<J: JobType>(args: &J::Args, text: &str) -> Result<Digest> {
    let mut key = Key::new(J::job(), "unique");
    if !J::unique_by(args, &mut key)? {
        key.json(text.as_bytes())?;
    }
    Ok(key.finish())
}

/// The key of which no more jobs than so many run at once.
pub(super) fn concurrency_key<J: JobType>(args: &J::Args) -> Result<Digest> {
    let mut key = Key::new(J::job(), "concurrency");
    J::concurrency_by(args, &mut key)?;
    Ok(key.finish())
}

/// The same as [`unique_key`], of a job that takes none.
pub(super) fn key_without_arguments(job: &Job) -> Digest {
    let mut key = Key::new(job, "unique");
    add(&mut key.0, NO_ARGUMENTS.as_bytes());
    key.finish()
}
