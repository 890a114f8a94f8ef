//! Cursors: the key of a row, signed, so that nobody makes up their own or carries them elsewhere.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::Mac as _;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::secret::{Secret, Signer};

/// Signs cursors.
#[derive(Clone)]
pub(crate) struct CursorKey(Signer);

/// The bytes of a signature: 128 bits of HMAC-SHA256 are beyond guessing.
const SIGNATURE: usize = 16;

impl CursorKey {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(secret.signer("cursor"))
    }

    /// Writes a key as a cursor of this operation, for this user if there is one: base64url of the signature and the
    /// key as JSON.
    ///
    /// # Errors
    /// A key that JSON cannot express.
    pub(super) fn seal<K: Serialize>(
        &self,
        operation: &str,
        user: Option<Uuid>,
        key: &K,
    ) -> serde_json::Result<String> {
        let text = serde_json::to_vec(key)?;
        let signature = self.signer(operation, user, &text).finalize().into_bytes();
        Ok(BASE64_URL_SAFE_NO_PAD.encode([&signature[..SIGNATURE], &text].concat()))
    }

    /// Reads the key from a cursor; `None` unless it was sealed for the same operation and user.
    pub(super) fn open<K: DeserializeOwned>(
        &self,
        operation: &str,
        user: Option<Uuid>,
        cursor: &str,
    ) -> Option<K> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (signature, text) = bytes.split_at_checked(SIGNATURE)?;
        // Compares in constant time.
        self.signer(operation, user, text).verify_truncated_left(signature).ok()?;
        // A key of another type was signed by an older version of the program.
        serde_json::from_slice(text).ok()
    }

    /// The signer of a cursor. What it is given has lengths, so that no two cursors are the same bytes.
    fn signer(&self, operation: &str, user: Option<Uuid>, text: &[u8]) -> Signer {
        let user = user.map(Uuid::into_bytes);
        let user: &[u8] = user.as_ref().map_or(&[], |bytes| bytes);
        [operation.as_bytes(), user, text].into_iter().fold(self.0.clone(), |signer, part| {
            signer.chain_update((part.len() as u64).to_be_bytes()).chain_update(part)
        })
    }
}
