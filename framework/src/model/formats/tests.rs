use poem_openapi::registry::Registry;
use serde_json::{Value, json};

use super::*;
use crate::{model, model::parse_body, spec};

#[model]
struct Contact {
    #[check(email, len = ..=100)]
    email: String,
    #[check(len = 5.., url)]
    page: Option<String>,
    #[check(email, pattern = r"@example\.com$")]
    colleague: Option<String>,
    #[check(email, len = ..=10)]
    short: Option<String>,
    nested: Option<Address>,
}

#[model]
struct Address(#[check(email)] String);

fn check(format: &Format, good: &[&str], bad: &[&str]) {
    assert!(format.is_match(format.example));
    for text in good {
        assert!(format.is_match(text), "{text} is one");
    }
    for text in bad {
        assert!(!format.is_match(text), "{text} is none");
    }
}

#[test]
fn addresses_that_mail_can_be_sent_to() {
    let label = "a".repeat(63);
    let longest = format!("{}@{label}.{label}.{label}.com", "a".repeat(254 - 4 - 64 * 3));
    assert_eq!(longest.len(), 254);
    check(
        &EMAIL,
        &[
            "a@b.de",
            "first.last+tag@mail.example.com",
            "o'brien@example.co.uk",
            "!#$%&'*+/=?^_`{|}~-@example.org",
            "1@1.de",
            "a@xn--bcher-kva.xn--p1ai",
            "A@EXAMPLE.COM",
            &longest,
        ],
        &[
            "",
            "a",
            "@example.com",
            "a@",
            "a@localhost",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "a@example.c",
            "a@example.com.",
            "a@.example.com",
            "a@example..com",
            "a@-example.com",
            "a@example-.com",
            "a@example.com-",
            "a@exa_mple.com",
            ".a@example.com",
            "a.@example.com",
            "a..b@example.com",
            "a b@example.com",
            "a@b@example.com",
            "\"a\"@example.com",
            "ä@example.com",
            "a@bücher.de",
            " a@example.com",
            "a@example.com\n",
            "A <a@example.com>",
            &format!("a@{label}a.com"),
            &format!("a{longest}"),
        ],
    );
}

#[test]
fn absolute_urls_for_the_web() {
    check(
        &URL,
        &[
            "http://example.com",
            "https://example.com/",
            "https://example.com./",
            "http://localhost:8080/a/b?c=d&e#f",
            "http://127.0.0.1:65535",
            "https://sub_domain.example.com/~a/(b);c=1,2/%C3%A4?x=/?&y=@:#/?",
            "https://example.com?a=b",
            "https://example.com#top",
            "https://xn--bcher-kva.example/",
        ],
        &[
            "",
            "example.com",
            "//example.com",
            "/page",
            "ftp://example.com",
            "javascript:alert(1)",
            "mailto:a@example.com",
            "HTTP://example.com",
            "https://",
            "https:///page",
            "https://?a",
            "https:example.com",
            "https://user@example.com",
            "https://user:password@example.com/",
            "https://example..com",
            "https://-example.com",
            "https://example.com:",
            "https://example.com:65536",
            "https://example.com:http",
            "https://example.com/a b",
            "https://example.com/\t",
            "https://example.com/\n",
            "https://example.com/\u{0}",
            "https://example.com/ä",
            "https://bücher.example/",
            "https://example.com/%",
            "https://example.com/%zz",
            "https://example.com/<a>",
            "https://example.com/a\\b",
            "https://example.com/#a#b",
            "https://example.com/[a]",
            " https://example.com",
        ],
    );
}

#[test]
fn the_message_says_what_is_expected() {
    assert_eq!(
        EMAIL.message(),
        "must be an e-mail address of at most 254 characters, such as someone@example.com"
    );
    assert_eq!(
        URL.message(),
        "must be an absolute http or https URL whose special characters are percent-encoded, such as https://example.com/page"
    );
}

#[test]
fn every_check_of_a_text_holds() {
    let long = format!("{}@example.com", "a".repeat(100));
    for (field, value, expected) in [
        ("email", "someone@example.org", &[][..]),
        ("email", "someone", &["/email format email"]),
        ("email", &long, &["/email length 0..=100"]),
        ("page", "http", &["/page length 5..", "/page format uri"]),
        ("colleague", "someone@example.org", &[r"/colleague pattern @example\.com$"]),
        ("colleague", "@example.com", &["/colleague format email"]),
        ("nested", "a@b", &["/nested format email"]),
    ] {
        let mut input = json!({"email": EMAIL.example});
        input[field] = json!(value);
        let result = parse_body::<Contact>(input.to_string().as_bytes());
        let failures = result.err().map(|error| error.failures().to_vec()).unwrap_or_default();
        let found: Vec<_> = failures
            .iter()
            .map(|failure| {
                format!("{} {} {}", failure.pointer, failure.code, failure.expected.as_deref().unwrap_or("-"))
            })
            .collect();
        assert_eq!(found, expected, "{input}");
    }
}

#[test]
fn what_is_enforced_is_published() {
    let mut registry = Registry::new();
    spec::register::<Contact>(&mut registry);
    let schemas = serde_json::to_value(&registry.schemas).unwrap();
    let pattern = EMAIL.pattern.text;
    let email = |more: Value| {
        let mut schema = json!({"type": "string", "format": "email", "pattern": pattern, "maxLength": 254});
        schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        schema
    };
    let properties = &schemas["Contact"]["properties"];
    assert_eq!(properties["email"], email(json!({"maxLength": 100, "example": EMAIL.example})));
    assert_eq!(
        properties["page"],
        json!({
            "type": "string", "format": "uri", "pattern": URL.pattern.text, "minLength": 5, "example": URL.example,
        })
    );
    assert_eq!(
        properties["colleague"],
        email(json!({"allOf": [{"pattern": r"^[^\u0000]*$"}, {"pattern": r"@example\.com$"}]})),
        "which address matches is anybody's guess"
    );
    assert_eq!(properties["short"], email(json!({"maxLength": 10})), "the example is too long");
    assert_eq!(schemas["Address"], email(json!({"example": EMAIL.example})));
}
