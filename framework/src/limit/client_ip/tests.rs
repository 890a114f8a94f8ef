use poem::http::HeaderValue;

use super::*;

const PEER: &str = "203.0.113.9";

/// The address of a request by a policy, from [`PEER`] with these lines.
fn told(policy: &str, lines: &[(&'static str, &str)]) -> String {
    let policy: ClientIp = policy.parse().expect("a policy");
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        headers.append(HeaderName::from_static(name), value);
    }
    policy.of(PEER.parse().ok(), &headers).expect("an address").to_string()
}

/// What an attacker may send of their own.
const FORGED: &[&[(&str, &str)]] = &[
    &[("x-forwarded-for", "1.2.3.4")],
    &[("x-forwarded-for", "1.2.3.4, 5.6.7.8")],
    &[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8,,")],
    &[("x-forwarded-for", "é")],
    &[("x-forwarded-for", "")],
    &[("forwarded", "for=1.2.3.4;by=9.9.9.9"), ("x-real-ip", "1.2.3.4"), ("true-client-ip", "1.2.3.4")],
    &[("cf-connecting-ip", "1.2.3.4"), ("fly-client-ip", "1.2.3.4"), ("x-client-ip", "1.2.3.4")],
];

#[test]
fn a_forged_header_changes_nothing() {
    for forged in FORGED {
        assert_eq!(told("peer", forged), PEER, "{forged:?}");
        // What the proxy adds stands last, in the list or in a line of its own.
        for proxies in
            [vec![("x-forwarded-for", "198.51.100.7")], vec![("x-forwarded-for", "9.9.9.9, 198.51.100.7")]]
        {
            let lines = [forged, proxies.as_slice()].concat();
            assert_eq!(told("xff:1", &lines), "198.51.100.7", "{lines:?}");
        }
        let lines = [forged, [("x-forwarded-for", "198.51.100.7, 10.0.0.2")].as_slice()].concat();
        assert_eq!(told("xff:2", &lines), "198.51.100.7", "{lines:?}");
        let lines = [forged, [("x-real-ip", "198.51.100.7")].as_slice()].concat();
        assert_eq!(told("header:X-Real-IP", &lines), "198.51.100.7", "{lines:?}");
    }
}

#[test]
fn what_is_missing_or_no_address_leaves_the_peer() {
    for value in
        ["", " ", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "999.1.1.1", "[::1", "a:b", "1.2.3.4:x", "\t"]
    {
        assert_eq!(told("xff:1", &[("x-forwarded-for", value)]), PEER, "{value}");
        assert_eq!(told("header:x-real-ip", &[("x-real-ip", value)]), PEER, "{value}");
    }
    assert_eq!(told("xff:3", &[("x-forwarded-for", "1.2.3.4, 5.6.7.8")]), PEER, "fewer than proxies");
    assert_eq!(told("xff:1", &[]), PEER);
    assert_eq!(told("header:x-real-ip", &[("x-forwarded-for", "1.2.3.4")]), PEER);
}

#[test]
fn addresses_are_read_as_proxies_write_them() {
    for (value, expected) in [
        (" 1.2.3.4 ", "1.2.3.4"),
        ("1.2.3.4:5678", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("[::ffff:1.2.3.4]:80", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ] {
        assert_eq!(told("xff:1", &[("x-forwarded-for", value)]), expected);
    }
}

#[test]
fn a_client_is_an_ipv4_address_or_half_an_ipv6_address() {
    for (address, expected) in [
        ("1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
    ] {
        assert_eq!(network(address.parse().expect("an address")).to_string(), expected);
    }
}

#[test]
fn a_policy_is_one_of_three() {
    for text in ["peer", "xff:1", "xff:12", "header:x-real-ip"] {
        assert_eq!(text.parse::<ClientIp>().map(|policy| policy.to_string()), Ok(text.to_owned()));
    }
    for text in
        ["", "Peer", "xff", "xff:", "xff:0", "xff:-1", "xff:a", "header:", "header:a b", "forwarded", "auto"]
    {
        assert_eq!(text.parse::<ClientIp>(), Err(()), "{text}");
    }
}

#[test]
fn a_proxy_is_noticed() {
    let mut headers = HeaderMap::new();
    headers.insert("x-real-ip", HeaderValue::from_static("1.2.3.4"));
    for (peer, expected) in [
        ("10.1.2.3", true),
        ("127.0.0.1", true),
        ("::ffff:192.168.0.1", true),
        ("100.64.1.1", true),
        ("100.128.1.1", false),
        ("fd00::1", true),
        ("203.0.113.9", false),
    ] {
        assert_eq!(ClientIp::is_forwarded(peer.parse().ok(), &headers), expected, "{peer}");
    }
    assert!(!ClientIp::is_forwarded("10.1.2.3".parse().ok(), &HeaderMap::new()));
}
