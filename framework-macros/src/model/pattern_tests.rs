use super::*;

#[test]
fn what_both_sides_read_means_what_javascript_means() {
    for (text, rust) in [
        ("^[a-z]+$", "^[a-z]+$"),
        (r"\d{2,}", r"[0-9]{2,}"),
        (r"[^\w-]", r"[^[0-9A-Za-z_]-]"),
        (r"\W", r"[^0-9A-Za-z_]"),
        (r"a.b", r"a[^\n\r\u2028\u2029]b"),
        (r"\bä\b", r"(?-u:\b)ä(?-u:\b)"),
        (r"^(?:a|(b))\/\u0041\u{1F980}$", r"^(?:a|(b))\/\u0041\u{1F980}$"),
    ] {
        assert_eq!(translated(text).unwrap(), rust, "{text}");
    }
    let spaces = regex::Regex::new(&translated(r"^\s$").unwrap()).unwrap();
    assert!(spaces.is_match("\u{feff}") && spaces.is_match(" ") && !spaces.is_match("\u{85}"));
}

#[test]
fn what_one_side_does_not_read_is_refused_at_its_place() {
    for (text, at, what) in [
        ("ab(", 3, "unclosed group"),
        ("(?=a)", 1, "look-around"),
        ("(?P<name>a)", 1, "write `(?:..)`"),
        ("(?<name>a)", 1, "write `(?:..)`"),
        ("a(?i)b", 2, "flags"),
        ("(?i:b)", 1, "flags"),
        (r"\Aa", 1, "write `^`"),
        (r"ä\z", 2, "write `$`"),
        (r"\B", 1, r"only `\b`"),
        (r"\pL", 1, "property"),
        (r"[\p{L}]", 2, "name the characters"),
        ("[[:alpha:]]", 2, "name the characters"),
        ("[a[b]]", 3, r"write `\[`"),
        ("[]a]", 1, r"write `\]`"),
        ("[a-z&&b]", 2, "does not combine"),
        ("a++", 1, "does not repeat"),
        ("^*", 1, "does not repeat"),
        ("a{,5}", 3, "decimal"),
        ("a]", 2, r"write `\]`"),
        (r"\@", 1, "write `@`"),
        (r"\-", 1, "write `-`"),
        (r"\a", 1, r"write `\u{7}`"),
        (r"\x{41}", 1, r"write `\u{41}`"),
        ("(?:a{1000}){1000}", 1, "size limit"),
    ] {
        let refusal = translated(text).unwrap_err();
        assert_eq!(refusal.at, at, "{text}: {refusal:?}");
        assert!(refusal.message.contains(what), "{text}: {refusal:?}");
    }
}
