//! Warnings of `policy check` about policies that can be used and do less than they seem to.

use std::path::Path;

use ndpi_policy::{Diagnostics, Severity, Support, check_text};

use crate::common::vocabulary;
use crate::messages::lines;

fn check(text: &str) -> Diagnostics {
    check_with(text, "")
}

/// Checks a policy with one list file, `list`.
fn check_with(text: &str, list: &str) -> Diagnostics {
    let read_list = |_: &Path| Ok(list.to_owned());
    check_text(Path::new("policy.toml"), text, &vocabulary(), Support::ALL, &read_list)
}

/// The messages about two rules with these matchers.
fn about(first: &str, second: &str) -> Vec<String> {
    let text = format!(
        "[[rule]]\nname = \"A\"\naction = \"drop\"\n{first}\n\n\
         [[rule]]\nname = \"B\"\naction = \"count\"\n{second}\n"
    );
    let found = check(&text);
    let told = found.problems().iter().filter(|problem| problem.severity != Severity::Hint);
    told.map(|problem| problem.message.clone()).collect()
}

#[test]
fn a_rule_behind_a_wider_one_is_shown_with_it() {
    let text = r#"[[rule]]
name = "all of TLS"
app = "TLS"
action = "drop"

[[rule]]
name = "but not Facebook"
app = "TLS.Facebook"
port = 443
action = "bypass"
"#;
    let expected = r#"warning: "but not Facebook" can never match
 --> policy.toml:6:1
  |
1 | [[rule]]
  | -------- "all of TLS" takes all of its flows before it
...
6 | [[rule]]
  | ^^^^^^^^
  |
  = help: move it up, narrow the earlier rule, or take one of them out

1 warning"#;
    assert_eq!(check(text).render(false), expected);
}

#[test]
fn wider_rules_are_found_for_every_matcher() {
    let shadowed = ["\"B\" can never match"];
    for (wide, narrow) in [
        ("", "app = \"DNS\""),
        ("", ""),
        ("app = [\"TLS\", \"DNS\"]", "app = \"TLS\""),
        ("category = [\"Web\", \"Network\"]", "category = \"Web\""),
        ("risk_score = 50", "risk_score = 100"),
        ("host = \"*.example\"", "host = [\"a.example\", \".b.example\"]"),
        ("dst = \"198.18.0.0/15\"", "dst = [\"198.18.4.0/24\", \"198.19.0.1\"]"),
        ("port = \"1-1023\"", "port = [22, \"80-90\"]"),
        ("confidence = \"ip\"", "confidence = \"dpi\""),
        ("guessed = true", "guessed = true\nvlan = 7"),
        ("evasion = \"any\"", "evasion = [\"ambiguous\", \"oversize\"]"),
        ("incomplete = true", "incomplete = true\napp = \"TLS\""),
        (
            "schedule = { days = \"mon-fri\", zone = \"UTC\" }",
            "schedule = { days = \"mon\", hours = \"08:00-12:00\", zone = \"UTC\" }",
        ),
        ("not.app = \"DNS\"", "not.app = [\"DNS\", \"TLS\"]"),
        ("app = \"TLS\"\nstate = \"partial\"", "app = \"TLS\""),
        ("", "state = \"partial\""),
    ] {
        assert_eq!(about(wide, narrow), shadowed, "{wide} / {narrow}");
    }
}

#[test]
fn rules_that_may_match_are_left_alone() {
    for (first, second) in [
        ("app = \"DNS\"", ""),
        ("app = \"TLS.Facebook\"", "app = \"Facebook\""),
        ("host = \"*.a.example\"", "host = \"a.example\""),
        ("src = \"198.18.0.0/15\"", "dst = \"198.18.0.0/24\""),
        ("risk_score = 100", "risk_score = 50"),
        ("app = \"TLS\"\nnot.port = 443", "app = \"TLS\""),
        ("app = \"TLS\"\nport = [80, 81]", "app = [\"TLS\", \"DNS\"]\nport = [80, 443]"),
    ] {
        assert_eq!(about(first, second), [""; 0], "{first} / {second}");
    }
}

#[test]
fn the_entries_that_an_earlier_rule_takes_are_named() {
    let text = r#"[[rule]]
name = "A"
host = "*.example"
action = "drop"

[[rule]]
name = "B"
host = ["a.b.test", "www.b.example", "www.c.example"]
port = 443
action = "bypass"
"#;
    let expected = r#"warning: `host` of "B": 2 of 3 entries, this the first, can never match, "A" comes before
 --> policy.toml:8:21
  |
3 | host = "*.example"
  |        ----------- "A" takes it here
...
8 | host = ["a.b.test", "www.b.example", "www.c.example"]
  |                     ^^^^^^^^^^^^^^^

1 warning"#;
    assert_eq!(check(text).render(false), expected);
}

#[test]
fn entries_that_add_nothing_are_named() {
    for (line, expected) in [
        ("app = [\"TLS.Facebook\", \"TLS\"]", "3:8 overlap: this entry of `app` adds nothing"),
        (
            "host = [\"x.a.example\", \".a.example\"]",
            "3:9 overlap: this entry of `host` adds nothing",
        ),
        (
            "host = [\"x.a.example\", \"X.A.example.\"]",
            "3:24 overlap: this entry of `host` adds nothing",
        ),
        (
            "dst = [\"198.18.4.0/24\", \"198.18.0.0/15\"]",
            "3:8 overlap: this entry of `dst` adds nothing",
        ),
        ("not.port = [443, \"1-1023\"]", "3:13 overlap: this entry of `port` adds nothing"),
    ] {
        let diagnostics = check(&format!("[[rule]]\naction = \"drop\"\n{line}\n"));
        assert_eq!(lines(&diagnostics), [expected], "{line}");
    }
}

#[test]
fn a_long_list_with_many_overlaps_is_summed_up() {
    let text = "[[rule]]\naction = \"drop\"\nhost = { file = \"list\" }\n";
    let list = ".example\n".to_owned() + &"x.a.example\n".repeat(2000);
    let lines = lines(&check_with(text, &list));
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[3], "5:1 overlap: 1997 more entries of `host` add nothing");
}

#[test]
fn rules_that_contradict_themselves_are_named() {
    let contradiction = "[[rule]]\nname = \"A\"\naction = \"drop\"\napp = [\"TLS\", \"DNS\"]\n\
                         not.app = [\"DNS\", \"TLS\", \"HTTP\"]\n";
    assert_eq!(
        lines(&check(contradiction)),
        ["4:8 never-matches: \"A\" can never match: `not.app` excludes all of `app`"]
    );
    let empty = "[[rule]]\nname = \"A\"\naction = \"drop\"\nhost = { file = \"list\" }\n";
    assert_eq!(
        lines(&check_with(empty, "# nothing\n")),
        ["1:1 never-matches: \"A\" can never match: `host` lists nothing"]
    );
}

#[test]
fn a_rule_with_an_error_is_compared_with_nothing() {
    let text = "[[rule]]\naction = \"drop\"\nap = \"DNS\"\n\n[[rule]]\napp = \"TLS\"\naction = \"count\"\n";
    assert_eq!(
        lines(&check(text)),
        ["3:1 unknown-key: a rule has no key `ap` | did you mean `app`?"]
    );
}

#[test]
fn an_early_decision_that_is_in_vain_is_named() {
    let hurried = |rule: &str| format!("{rule}\nfirst_packet = true");
    for (first, second, why) in [
        ("app = \"DNS\"", "ja4 = \"t13d1516h2_8daaf6152771_02713d6af862\"", "`ja4` asks for"),
        ("app = \"DNS\"", "category = \"Web\"\nnot.host = \"a.example\"", "`not.host` asks for"),
        ("app = \"DNS\"", "risk_score = 10", "`risk_score` asks for"),
        ("host = \"a.example\"", "category = \"Web\"", "\"A\" before it may match"),
        ("app = \"DNS\"", "category = \"Web\"", "\"A\" before it may match"),
        ("first_packet = true\nrisk_score = 10", "category = \"Web\"", "\"A\" before it may match"),
    ] {
        let said = about(first, &hurried(second));
        let last = said.last().unwrap_or_else(|| panic!("nothing about {first} / {second}"));
        assert!(last.starts_with("`first_packet` of") && last.contains(why), "{said:?}");
    }
    for (first, second) in [
        ("app = \"Rsync\"", "category = \"Web\""),
        ("host = \"a.example\"\nport = 80", "category = \"Web\""),
        ("host = \"a.example\"\nfirst_packet = true", "category = \"Web\""),
        ("src = \"198.18.0.1\"", "host = \"a.example\""),
    ] {
        assert_eq!(about(first, &hurried(second)), [""; 0], "{first} / {second}");
    }
}

#[test]
fn an_early_rule_behind_a_wider_one_never_decides() {
    assert_eq!(about("", "first_packet = true")[0], "\"B\" can never match");
}
