//! Requests that a browser sends with the session although another site's page made it.

use poem::http::{HeaderMap, Method, header};

use crate::error::{Code, Error, Result};

/// Refuses a request that carries the session as a cookie and comes from another site.
///
/// Browsers say where a request comes from in `Sec-Fetch-Site` (Fetch Metadata), older ones in `Origin`; clients that
/// are no browsers send neither, and no page can make them send the cookie.
pub(super) fn check(method: &Method, headers: &HeaderMap) -> Result<()> {
    if method.is_safe() || is_same_site(headers) {
        return Ok(());
    }
    Err(Error::new(Code::CROSS_SITE, "this request comes from a page of another site"))
}

fn is_same_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(header::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(method: Method, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
            })
            .collect();
        check(&method, &headers).is_ok()
    }

    #[test]
    fn only_pages_of_another_site_are_refused() {
        assert!(allowed(Method::POST, &[]), "no browser");
        assert!(allowed(Method::POST, &[("sec-fetch-site", "same-origin")]));
        assert!(allowed(Method::POST, &[("sec-fetch-site", "none")]));
        assert!(!allowed(Method::POST, &[("sec-fetch-site", "cross-site")]));
        assert!(!allowed(Method::POST, &[("sec-fetch-site", "same-site")]), "a subdomain is another site");
        assert!(allowed(Method::GET, &[("sec-fetch-site", "cross-site")]), "a link to a page");
        assert!(allowed(Method::POST, &[("origin", "http://app.test"), ("host", "app.test")]));
        assert!(!allowed(Method::POST, &[("origin", "http://evil.test"), ("host", "app.test")]));
        assert!(!allowed(Method::POST, &[("origin", "null"), ("host", "app.test")]));
        assert!(
            !allowed(
                Method::POST,
                &[("sec-fetch-site", "cross-site"), ("origin", "http://app.test"), ("host", "app.test")]
            ),
            "fetch metadata cannot be set by a page, so it has the last word"
        );
    }
}
