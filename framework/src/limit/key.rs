//! The names under which limits are kept: they tell nothing of whom they limit.

use std::net::IpAddr;

use hmac::Mac as _;
use uuid::Uuid;

use super::client_ip::network;
use crate::{
    auth::device::DeviceId,
    secret::{Signer, signer},
};

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// The client at an address; `None` is who comes by a Unix socket.
    Address(Option<IpAddr>),
    /// A signed-in user.
    User(Uuid),
    /// The account that an attempt is about, as one spells it, known or not.
    Account(&'a str),
    /// A browser in which this account was signed in before.
    Device(DeviceId),
}

/// What is left of a subject: 16 bytes that only who knows Redis's password can make.
pub(crate) type Hash = [u8; 16];

/// Makes the hashes of subjects.
pub(super) struct Hasher(Signer);

impl Hasher {
    /// All processes with the same password make the same.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(signer(secret, "catena limits"))
    }

    /// The hash of a subject under a policy: two policies never count together.
    pub(super) fn hash(&self, policy: &str, subject: Subject<'_>) -> Hash {
        let mut mac = self.0.clone();
        mac.update(policy.as_bytes());
        match subject {
            Subject::Address(address) => {
                mac.update(b"\0address\0");
                match address.map(network) {
                    Some(IpAddr::V4(address)) => mac.update(&address.octets()),
                    Some(IpAddr::V6(address)) => mac.update(&address.octets()),
                    None => {}
                }
            }
            Subject::User(id) => {
                mac.update(b"\0user\0");
                mac.update(id.as_bytes());
            }
            Subject::Account(identity) => {
                mac.update(b"\0account\0");
                mac.update(identity.as_bytes());
            }
            Subject::Device(device) => {
                mac.update(b"\0device\0");
                mac.update(&device.0);
            }
        }
        let mut hash = Hash::default();
        hash.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        hash
    }
}
