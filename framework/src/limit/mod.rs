//! Rate limits: how many requests of whom, counted by all processes together in a Redis.
//!
//! - `quota.rs`, `window.rs`: the rule, which is pure; `store/take.lua` is the same rule inside Redis.
//! - `policy.rs`, `tier.rs`: which limits there are, and which of them a request is charged to.
//! - `client_ip.rs`, `key.rs`: whom a request is charged to, and what stands for them in Redis.
//! - `endpoint.rs`, `store.rs`: Redis; `memory.rs` counts while it is away, `denied.rs` spares it known offenders.
//! - `answer.rs`: what callers are told; `examine.rs`: what operators are.
//!
//! Without a Redis in the settings nothing of it is made, and a request costs some comparisons.

#![cfg_attr(not(feature = "limits"), allow(dead_code, reason = "settings are read all the same"))]

mod answer;
mod client_ip;
mod endpoint;
mod quota;

#[cfg(feature = "limits")]
mod denied;
#[cfg(feature = "limits")]
mod examine;
#[cfg(feature = "limits")]
mod key;
#[cfg(feature = "limits")]
mod memory;
#[cfg(feature = "limits")]
mod policy;
#[cfg(feature = "limits")]
mod store;
#[cfg(feature = "limits")]
mod tier;
#[cfg(feature = "limits")]
mod window;

// Without the feature there is no value of `Limits`, and whatever one could do is left out.
#[cfg(not(feature = "limits"))]
#[path = "absent.rs"]
mod tier;

pub(crate) use answer::{Denial, QUOTA_EXCEEDED};
pub(crate) use client_ip::ClientIp;
pub(crate) use endpoint::Endpoint;
pub use quota::Quota;
pub(crate) use quota::Quotas;
pub(crate) use tier::{Ledger, Limits};

/// What the settings say about limits.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Where they are counted; `None` switches them off.
    pub(crate) redis: Option<Endpoint>,
    pub(crate) quotas: Quotas,
    /// Where the address of a client is read; `None` where nobody has decided: the peer.
    pub(crate) client_ip: Option<ClientIp>,
}
