//! Whether a browser has signed in to an account before: a signed cookie says so.
//!
//! A stranger who guesses passwords uses up the quota of the account, and with it would lock out its owner. A browser
//! that knows the account has a quota of its own. It signs nobody in: that it was copied gives a thief some guesses.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::Mac as _;

use super::password::normal;
use crate::{
    ctx::RequestScope,
    error::{Error, Result},
    secret::{Secret, Signer},
};

/// How long a browser is remembered after it signed in.
const LIFETIME: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// How far the clock of one process may be ahead of another's, in seconds.
const SKEW: i64 = 24 * 60 * 60;

/// How many accounts a browser is remembered for: those signed in to last.
const ACCOUNTS: usize = 4;

/// The bytes of a signature: 128 bits of HMAC-SHA256 are beyond guessing.
const SIGNATURE: usize = 16;

/// Names a browser as it signed in to one account; every sign-in makes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DeviceId(pub(crate) [u8; 16]);

/// Tells whether the browser that sent a request has signed in to an account before, the one of this identity, as it was
/// typed.
pub(crate) fn known(request: &RequestScope, identity: &str) -> Option<DeviceId> {
    let services = &request.services;
    let cookie = request.cookie(services.settings.device_cookie_name())?;
    services.devices.find(cookie, &normal(identity), services.clock.now())
}

/// Has the browser remember that it signed in to the account of this identity, in its one spelling.
pub(super) fn remember(request: &RequestScope, identity: &str) -> Result<()> {
    let services = &request.services;
    let name = services.settings.device_cookie_name();
    let before = request.cookie(name).unwrap_or_default();
    let cookie = services.devices.add(before, identity, services.clock.now())?;
    request.set_cookie(name, &cookie, LIFETIME)
}

/// Reads and writes the cookie: an entry an account, the newest first. What an account is called stands in no entry: it
/// is part of what is signed.
pub(crate) struct Devices(Signer);

/// An entry: who it is, when it was made in seconds since 1970, and the signature of both and the account.
struct Entry {
    id: [u8; 16],
    made: [u8; 4],
    signature: [u8; SIGNATURE],
}

impl Devices {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(secret.signer("device"))
    }

    fn find(&self, cookie: &str, identity: &str, now: DateTime<Utc>) -> Option<DeviceId> {
        let fits = |entry: &Entry| entry.is_fresh(now) && self.is_of(entry, identity);
        entries(cookie).find(fits).map(|entry| DeviceId(entry.id))
    }

    /// Puts a new entry in the place of the account's old one; entries that ran out are left out.
    fn add(&self, before: &str, identity: &str, now: DateTime<Utc>) -> Result<String> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(Error::internal)?;
        let made = u32::try_from(now.timestamp()).map_err(Error::internal)?.to_be_bytes();
        let signed = self.signer(&id, made, identity).finalize().into_bytes();
        let mut signature = [0; SIGNATURE];
        signature.copy_from_slice(&signed[..SIGNATURE]);
        let others = entries(before).filter(|entry| entry.is_fresh(now) && !self.is_of(entry, identity));
        let all = [Entry { id, made, signature }].into_iter().chain(others.take(ACCOUNTS - 1));
        Ok(all.map(|entry| entry.text()).collect::<Vec<_>>().join("."))
    }

    /// Whether the entry was made for this account, in constant time.
    fn is_of(&self, entry: &Entry, identity: &str) -> bool {
        self.signer(&entry.id, entry.made, identity).verify_truncated_left(&entry.signature).is_ok()
    }

    /// Numbers of fixed length come first, so no two accounts sign the same bytes.
    fn signer(&self, id: &[u8; 16], made: [u8; 4], identity: &str) -> Signer {
        self.0.clone().chain_update(id).chain_update(made).chain_update(identity)
    }
}

impl Entry {
    fn read(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, rest) = bytes.split_first_chunk()?;
        let (made, signature) = rest.split_first_chunk()?;
        Some(Self { id: *id, made: *made, signature: signature.try_into().ok()? })
    }

    fn text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([&self.id[..], &self.made, &self.signature].concat())
    }

    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let age = now.timestamp() - i64::from(u32::from_be_bytes(self.made));
        (-SKEW..LIFETIME.as_secs().cast_signed()).contains(&age)
    }
}

/// The entries of a cookie; what is none is left out.
fn entries(cookie: &str) -> impl Iterator<Item = Entry> {
    cookie.split('.').take(ACCOUNTS).filter_map(Entry::read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + day * 24 * 60 * 60, 0).expect("a time")
    }

    #[test]
    fn a_browser_is_known_to_the_accounts_it_signed_in_to() {
        let devices = Devices::new(&Secret::of_test());
        let cookie = devices.add("", "ada@example.test", at(0)).unwrap();
        assert!(devices.find(&cookie, "ada@example.test", at(0)).is_some());
        assert!(devices.find(&cookie, "bob@example.test", at(0)).is_none());
        assert!(devices.find("", "ada@example.test", at(0)).is_none());
        let others = Devices::new(&Secret::new("another secret, as long as it must be".to_owned()).unwrap());
        assert!(others.find(&cookie, "ada@example.test", at(0)).is_none(), "signed by somebody else");

        let both = devices.add(&cookie, "bob@example.test", at(1)).unwrap();
        assert!(devices.find(&both, "ada@example.test", at(1)).is_some());
        assert!(devices.find(&both, "bob@example.test", at(1)).is_some());
        assert!(!both.contains("example"), "{both}");
    }

    #[test]
    fn a_cookie_that_was_touched_or_is_old_is_nobody_s() {
        let devices = Devices::new(&Secret::of_test());
        let cookie = devices.add("", "ada@example.test", at(0)).unwrap();
        let known = |cookie: &str, day| devices.find(cookie, "ada@example.test", at(day)).is_some();
        for place in 0..cookie.len() {
            let mut touched = cookie.clone().into_bytes();
            touched[place] = if touched[place] == b'A' { b'B' } else { b'A' };
            assert!(!known(&String::from_utf8(touched).unwrap(), 0), "at {place}");
            assert!(!known(&cookie[..place], 0), "cut at {place}");
        }
        assert!(known(&cookie, 179) && !known(&cookie, 180));
        assert!(known(&cookie, -1) && !known(&cookie, -2), "a clock that is somewhat behind");
        for none in [".", "..", "é", "AAAA", &"A".repeat(48), &"A.".repeat(10_000)] {
            assert!(!known(none, 0), "{none:.20}");
        }
    }

    #[test]
    fn signing_in_again_takes_the_place_of_the_account_s_entry_and_of_the_oldest() {
        let devices = Devices::new(&Secret::of_test());
        let first = devices.add("", "ada@example.test", at(0)).unwrap();
        let second = devices.add(&first, "ada@example.test", at(1)).unwrap();
        assert_eq!(second.split('.').count(), 1);
        assert_ne!(
            devices.find(&first, "ada@example.test", at(1)),
            devices.find(&second, "ada@example.test", at(1))
        );
        let names: Vec<_> = (0..=ACCOUNTS).map(|n| format!("user{n}@example.test")).collect();
        let cookie =
            names.iter().fold(String::new(), |cookie, name| devices.add(&cookie, name, at(2)).unwrap());
        let known: Vec<_> = names.iter().map(|name| devices.find(&cookie, name, at(2)).is_some()).collect();
        assert_eq!(known, [false, true, true, true, true]);
        let later = devices.add(&cookie, "ada@example.test", at(182)).unwrap();
        assert_eq!(later.split('.').count(), 1, "what ran out is left out");
    }
}
