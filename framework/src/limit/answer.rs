//! What callers are told of their limits: the header fields `RateLimit` and `RateLimit-Policy`
//! (draft-ietf-httpapi-ratelimit-headers), `Retry-After`, and the members of a problem document.

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::quota::Quota;

pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(super) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The kind of problem that a 429 is, as the draft registers it.
pub(crate) const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// Why a request was not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    /// The name of the policy.
    pub(crate) policy: &'static str,
    pub(super) quota: Quota,
    pub(super) retry_ms: u64,
}

impl Denial {
    /// What the caller is told, as a sentence.
    pub(crate) fn detail(&self) -> String {
        let Self { policy, quota, .. } = self;
        format!("the limit `{policy}` of {quota} is used up; try again in {} s", self.retry_seconds())
    }

    /// Rounded up: who waits as long is never too early.
    fn retry_seconds(&self) -> u64 {
        self.retry_ms.div_ceil(1000).max(1)
    }

    /// Tells a client when to come back.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_seconds()));
        write(headers, self.policy, self.quota, 0, self.retry_seconds());
    }
}

/// Tells a client how it stands: how many are left, and the seconds until there are more.
pub(super) fn write(headers: &mut HeaderMap, policy: &str, quota: Quota, remaining: u32, more_seconds: u64) {
    let window = quota.window_seconds();
    let fields = [
        (RATE_LIMIT_POLICY, format!("\"{policy}\";q={};w={window}", quota.count)),
        (RATE_LIMIT, format!("\"{policy}\";r={remaining};t={more_seconds}")),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    // Scripts of other origins see these fields only where a server says so.
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("RateLimit, RateLimit-Policy, Retry-After"),
    );
}
