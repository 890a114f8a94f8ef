//! Requests that a browser sends with what signs its user in although another site's page made it.

use poem::http::{HeaderMap, Method, header};

use super::token;
use crate::error::{Code, Error, Result};

/// Refuses a request that may be signed in by what browsers send by themselves, such as a cookie, and comes from another
/// site.
///
/// What only reads is let through, as is a Bearer token, which no page can have a browser send to another site.
pub(crate) fn check(method: &Method, headers: &HeaderMap) -> Result<()> {
    let sent_by_itself = headers.contains_key(header::COOKIE) || headers.contains_key(header::AUTHORIZATION);
    if sent_by_itself { check_always(method, headers) } else { Ok(()) }
}

/// The same for a request that is about to be signed in: it need not have come with anything.
pub(super) fn check_always(method: &Method, headers: &HeaderMap) -> Result<()> {
    if method.is_safe() || token::bearer(headers).is_some() || is_same_site(headers) {
        return Ok(());
    }
    Err(Error::new(Code::CROSS_SITE, "this request comes from a page of another site"))
}

/// Browsers say where a request comes from in `Sec-Fetch-Site` (Fetch Metadata), which no page can set, so it has the
/// last word; where that is missing (plain HTTP, old browsers) in `Origin`. Clients that are no browsers send neither,
/// and no page can make them send a cookie.
fn is_same_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        // `none`: the user typed the address, or followed a bookmark. `same-site` is another host of the same domain,
        // which may be anybody's.
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(header::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers<'a> = &'a [(&'static str, &'static str)];

    fn map(headers: Headers<'_>, more: Headers<'_>) -> HeaderMap {
        let pairs = headers.iter().chain(more).map(|(name, value)| {
            (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    const COOKIE: (&str, &str) = ("cookie", "catena=x");
    const HOST: (&str, &str) = ("host", "app.test");
    const CROSS: (&str, &str) = ("sec-fetch-site", "cross-site");

    #[test]
    fn only_pages_of_another_site_are_refused() {
        let cases: &[(bool, &str, Headers<'_>)] = &[
            (true, "neither header: no browser", &[HOST]),
            (true, "a page of the same origin", &[("sec-fetch-site", "same-origin")]),
            (true, "an address that was typed", &[("sec-fetch-site", "none")]),
            (false, "a page of another site", &[CROSS]),
            (false, "a page of another host of the domain", &[("sec-fetch-site", "same-site")]),
            (false, "a value of tomorrow", &[("sec-fetch-site", "same-planet")]),
            (false, "an empty value", &[("sec-fetch-site", "")]),
            (true, "the same host", &[("origin", "https://app.test"), HOST]),
            (
                true,
                "the same host and port",
                &[("origin", "http://app.test:8000"), ("host", "app.test:8000")],
            ),
            (false, "another port", &[("origin", "http://app.test:9000"), ("host", "app.test:8000")]),
            (false, "another host", &[("origin", "https://evil.test"), HOST]),
            (false, "a host that begins alike", &[("origin", "https://app.test.evil.test"), HOST]),
            (false, "a sandboxed page, a redirect", &[("origin", "null"), HOST]),
            (false, "an origin without a scheme", &[("origin", "app.test"), HOST]),
            (false, "no host to compare with", &[("origin", "https://app.test")]),
            (false, "fetch metadata has the last word", &[CROSS, ("origin", "https://app.test"), HOST]),
            (
                true,
                "the other way round too: a proxy changed the host",
                &[("sec-fetch-site", "same-origin"), ("origin", "https://app.test"), ("host", "10.0.0.1")],
            ),
        ];
        for (allowed, case, headers) in cases {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert_eq!(check(&method, &map(headers, &[COOKIE])).is_ok(), *allowed, "{method}, {case}");
                assert_eq!(check_always(&method, &map(headers, &[])).is_ok(), *allowed, "{method}, {case}");
            }
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                assert!(check(&method, &map(headers, &[COOKIE])).is_ok(), "{method} only reads; {case}");
            }
        }
    }

    #[test]
    fn what_a_page_cannot_have_sent_is_let_through() {
        let bearer = ("authorization", "Bearer x");
        assert!(check(&Method::POST, &map(&[CROSS], &[])).is_ok(), "nothing that signs in");
        assert!(check(&Method::POST, &map(&[CROSS], &[bearer])).is_ok());
        assert!(check(&Method::POST, &map(&[CROSS], &[bearer, COOKIE])).is_ok(), "the token counts");
        assert!(check_always(&Method::POST, &map(&[CROSS], &[bearer])).is_ok());
        let basic = ("authorization", "Basic eDp5");
        assert!(check(&Method::POST, &map(&[CROSS], &[basic])).is_err(), "browsers send it by themselves");
    }
}
