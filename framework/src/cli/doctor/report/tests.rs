use super::*;
use crate::cli::doctor::Section;

fn examined() -> [Examined; 1] {
    let long =
        "the table public.things is open: requests (app_web) may SELECT, INSERT, UPDATE and DELETE in it";
    let findings = vec![
        Finding::ok("one"),
        Finding::warning(
            long,
            "COMMENT ON TABLE public.things IS 'catena: public and a long text in quotes'; SELECT 1",
        ),
        Finding::fault(
            "the server's place is apart, and so far away that it takes a second line, as one's own",
        ),
    ];
    [Examined { section: Section::Settings, findings }]
}

#[test]
fn words_fit_the_screen_and_leave_quotes_whole() {
    let expected = "\
settings
  ok       one
  warning  the table public.things is open: requests (app_web) may SELECT,
           INSERT, UPDATE and DELETE in it
           mend: COMMENT ON TABLE public.things IS
           'catena: public and a long text in quotes'; SELECT 1
  FAULT    the server's place is apart, and so far away that it takes a second
           line, as one's own
1 fault, 1 warning
";
    assert_eq!(words(&examined()), expected);
    assert!(expected.lines().all(|line| line.chars().count() <= WIDTH));
}

#[test]
fn json_has_an_object_a_finding() {
    let all: serde_json::Value = serde_json::from_str(&json(&examined())).unwrap();
    assert_eq!(all[0], serde_json::json!({"section": "settings", "level": "ok", "what": "one"}));
    assert_eq!(all[1]["level"], "warning");
    assert!(all[1]["mend"].as_str().unwrap().starts_with("COMMENT ON"));
    assert_eq!(all[2]["level"], "fault");
}
