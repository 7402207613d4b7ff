//! Messages about a policy that is wrong.

use ndpi_policy::{Diagnostics, Problem, Support};

use crate::common::{read, read_with};

/// The whole text printed for a policy.
fn printed(text: &str) -> String {
    read(text).expect_err("a wrong policy").render(false)
}

/// Every problem of a policy in a line: place, code, message and help.
fn problems(text: &str) -> Vec<String> {
    lines(&read(text).expect_err("a wrong policy"))
}

pub(crate) fn lines(diagnostics: &Diagnostics) -> Vec<String> {
    let line = |problem: &Problem| {
        let (line, column) = diagnostics.line_column(problem.place.expect("a place"));
        let help = problem.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{line}:{column} {}: {}{help}", problem.code, problem.message)
    };
    diagnostics.problems().iter().map(line).collect()
}

/// The only problem of a rule with this line in it.
fn problem(line: &str) -> String {
    let found = problems(&format!("[[rule]]\naction = \"drop\"\n{line}\n"));
    assert_eq!(found.len(), 1, "{line}: {found:#?}");
    found.into_iter().next().unwrap_or_default()
}

#[test]
fn all_problems_are_printed_at_once_with_their_lines() {
    let text = r#"defualt = "drop"

[[rule]]
name = "social"
category = ["SocialNetwrok", "Web"]
action = "dorp"
"#;
    let expected = r#"error: a policy has no key `defualt`
 --> policy.toml:1:1
  |
1 | defualt = "drop"
  | ^^^^^^^
  |
  = help: did you mean `default`?

error: nDPI knows no category "SocialNetwrok"
 --> policy.toml:5:13
  |
5 | category = ["SocialNetwrok", "Web"]
  |             ^^^^^^^^^^^^^^^
  |
  = help: did you mean "SocialNetwork"?

error: `action` cannot be "dorp"
 --> policy.toml:6:10
  |
6 | action = "dorp"
  |          ^^^^^^
  |
  = help: did you mean "drop"?

3 errors"#;
    assert_eq!(printed(text), expected);
}

#[test]
fn what_is_not_toml_is_told_without_guesses_about_the_rest() {
    assert_eq!(
        problems("default = \n[[rule]\napp = 5\n"),
        [
            "1:1 toml: this is not TOML: nothing stands behind `=` | write a value behind it, or take `default` out",
            "2:1 toml: this is not TOML: the brackets around the name of this table do not match | write: [[rule]]",
        ]
    );
    assert_eq!(
        problems("[[rule]]\napp = \"DNS\"\napp = \"TLS\"\n"),
        [
            "3:1 toml: this is not TOML: this key is there already | several values stand in one list: \
          app = [\"…\", \"…\"]; another rule begins with `[[rule]]`"
        ]
    );
}

#[test]
fn unknown_keys_lead_to_the_right_ones() {
    for (line, help) in [
        ("ap = \"DNS\"", "`ap` | did you mean `app`?"),
        ("categories = \"Web\"", "`categories` | did you mean `category`?"),
        ("not_app = \"DNS\"", "`not_app` | write `not.app`"),
        ("host_file = \"x\"", "`host_file` | write `host = { file = \"…\" }`"),
        ("sni = \"x\"", "`sni` | did you mean `host`?"),
        ("source = \"x\"", "`source` | did you mean `src`?"),
        ("dport = 53", "`dport` | did you mean `port`?"),
        (
            "mark = 1",
            "`mark` | marks are left out: at XDP no packet buffer exists yet that could carry one",
        ),
    ] {
        assert_eq!(problem(line), format!("3:1 unknown-key: a rule has no key {help}"));
    }
    assert_eq!(
        problems("rules = 1"),
        ["1:1 unknown-key: a policy has no key `rules` | did you mean `rule`?"]
    );
    assert_eq!(
        problems("zzz = 1"),
        ["1:1 unknown-key: a policy has no key `zzz` | \
          a policy has `groups`, `default`, `undecided`, `fragments`, `unparsable`, `recheck`, \
          `hold` and `rule`"]
    );
    assert_eq!(
        problem("not.state = \"partial\""),
        "3:5 unknown-key: `not` has no key `state` | `not` has `app`, `category`, `flow_category`, `group`, `breed`, `risk`, \
         `risk_score`, `host`, `ja4`, `alpn`, `src`, `dst`, `any`, `port`, `proto`, `vlan`, \
         `iface`, `confidence`, `guessed`, `incomplete`, `evasion` and `schedule`"
    );
}

#[test]
fn unknown_names_suggest_what_was_meant() {
    for (line, expected) in [
        (
            "app = \"Facebok\"",
            "3:7 unknown-name: nDPI knows no app \"Facebok\" | did you mean \"Facebook\"?",
        ),
        (
            "app = \"TLS.Facebok\"",
            "3:7 unknown-name: nDPI knows no app \"TLS.Facebok\" | did you mean \"TLS.Facebook\"?",
        ),
        (
            "app = \"TSL.Facebook\"",
            "3:7 unknown-name: nDPI knows no app \"TSL.Facebook\" | did you mean \"TLS.Facebook\"?",
        ),
        (
            "app = \"zzzzz\"",
            "3:7 unknown-name: nDPI knows no app \"zzzzz\" | `ndpi-xdp list protocols` shows all names",
        ),
        (
            "category = \"net\"",
            "3:12 unknown-name: nDPI knows no category \"net\" | did you mean one of \"Network\", \"SocialNetwork\"?",
        ),
        (
            "breed = \"Funny\"",
            "3:9 unknown-name: nDPI knows no breed \"Funny\" | did you mean \"Fun\"?",
        ),
        (
            "risk = \"self signed cert\"",
            "3:8 unknown-name: nDPI knows no risk \"self signed cert\" | did you mean \"Self-signed Cert\"?",
        ),
        ("action_ = 1", "3:1 unknown-key: a rule has no key `action_` | did you mean `action`?"),
    ] {
        assert_eq!(problem(line), expected);
    }
}

#[test]
fn values_of_the_wrong_kind_are_named() {
    for (line, expected) in [
        (
            "app = 5",
            "3:7 type: `app` takes names of protocols and applications, found a whole number",
        ),
        (
            "category = true",
            "3:12 type: `category` takes names of categories, found `true` or `false`",
        ),
        ("breed = 1.5", "3:9 type: `breed` takes names of breeds, found a number with a fraction"),
        ("risk = 2026-11-23", "3:8 type: `risk` takes names of risks, found a date or time"),
        (
            "risk_score = \"100\"",
            "3:14 type: `risk_score` takes a number from 0 to 65535, found a string",
        ),
        (
            "risk_score = -1",
            "3:14 out-of-range: `risk_score` takes a number from 0 to 65535, found -1",
        ),
        ("host = 5", "3:8 type: `host` takes names or { file = \"…\" }, found a whole number"),
        ("src = 5", "3:7 type: `src` takes networks or { file = \"…\" }, found a whole number"),
        ("dst = [[]]", "3:8 type: `dst` takes networks or { file = \"…\" }, found a list"),
        ("ja4 = 5", "3:7 type: `ja4` takes JA4 fingerprints, found a whole number"),
        ("alpn = 5", "3:8 type: `alpn` takes names, found a whole number"),
        ("port = { from = 1 }", "3:8 type: `port` takes numbers or ranges, found a table"),
        ("port = 65536", "3:8 out-of-range: `port` takes a number from 0 to 65535, found 65536"),
        ("proto = 256", "3:9 out-of-range: `proto` takes a number from 0 to 255, found 256"),
        (
            "proto = 1.5",
            "3:9 type: `proto` takes names or numbers of IP protocols, found a number with a fraction",
        ),
        ("vlan = 4095", "3:8 out-of-range: `vlan` takes a number from 0 to 4094, found 4095"),
        ("guessed = \"yes\"", "3:11 type: `guessed` takes `true` or `false`, found a string"),
        ("incomplete = 1", "3:14 type: `incomplete` takes `true` or `false`, found a whole number"),
        ("confidence = 6", "3:14 type: `confidence` takes a word, found a whole number"),
        ("evasion = true", "3:11 type: `evasion` takes a word, found `true` or `false`"),
        ("state = true", "3:9 type: `state` takes a word, found `true` or `false`"),
        (
            "first_packet = 1",
            "3:16 type: `first_packet` takes `true` or `false`, found a whole number",
        ),
        ("name = 5", "3:8 type: `name` takes a text, found a whole number"),
        (
            "not = \"DNS\"",
            "3:7 type: `not` takes matchers, found a string | write, for example, `not.app = \"DNS\"` or `not = { app = \"DNS\" }`",
        ),
    ] {
        assert_eq!(problem(line), expected);
    }
}

#[test]
fn values_that_make_no_sense_are_named() {
    for (line, expected) in [
        (
            "app = []",
            "3:7 empty-list: `app` is an empty list, which no flow can match | name something, or leave `app` out to match every flow",
        ),
        (
            "state = \"partail\"",
            "3:9 unknown-word: `state` cannot be \"partail\" | did you mean \"partial\"?",
        ),
        (
            "confidence = \"DPI\"",
            "3:14 unknown-word: `confidence` cannot be \"DPI\" | did you mean \"dpi\"?",
        ),
        (
            "evasion = \"fake-segmnt\"",
            "3:11 unknown-word: `evasion` cannot be \"fake-segmnt\" | did you mean \"fake-segment\"?",
        ),
        (
            "evasion = [\"ambiguous\", \"all\"]",
            "3:25 unknown-word: `evasion` cannot be \"all\" | write \"any\"",
        ),
        (
            "port = \"443-80\"",
            "3:8 range-bounds: `port` cannot be \"443-80\" | write a number, or a range within \"0-65535\"",
        ),
        (
            "port = \"70000\"",
            "3:8 range-bounds: `port` cannot be \"70000\" | write a number, or a range within \"0-65535\"",
        ),
        ("port = \"htttps\"", "3:8 range: `port` cannot be \"htttps\" | did you mean \"https\"?"),
        (
            "vlan = \"1-5000\"",
            "3:8 range-bounds: `vlan` cannot be \"1-5000\" | write a number, or a range within \"0-4094\"",
        ),
        ("proto = \"tpc\"", "3:9 unknown-word: `proto` cannot be \"tpc\" | did you mean \"tcp\"?"),
        (
            "ja4 = \"t13d1516h2\"",
            "3:7 ja4: \"t13d1516h2\" is not a JA4 fingerprint | they look like \"t13d1516h2_8daaf6152771_02713d6af862\"",
        ),
        ("iface = \"\"", "3:9 empty-name: a name in `iface` is empty"),
        (
            "host = \"https://a.example/\"",
            "3:8 host: \"https://a.example/\": this is more than a host name | write the name alone: \"a.example\"",
        ),
        (
            "host = \"a.*.example\"",
            "3:8 host: \"a.*.example\": `*` stands for whole labels at the start of a name only | write \"*.example.com\" for all names below, \".example.com\" to include it, \"*\" for any",
        ),
        (
            "host = \"a b\"",
            "3:8 host: \"a b\": ' ' does not belong in a host name | host names look like \"www.example.com\", \"*.example.com\" or \".example.com\"",
        ),
        (
            "host = \"blocked.txt\"",
            "3:8 file-as-text: \"blocked.txt\" looks like a file | write `host = { file = \"blocked.txt\" }`",
        ),
        (
            "host = \"@names\"",
            "3:8 file-as-text: \"@names\" looks like a file | write `host = { file = \"names\" }`",
        ),
        ("host = {}", "3:8 no-file: `host` names no file | write `host = { file = \"…\" }`"),
        (
            "host = { file = \"gone\" }",
            "3:17 list-file: cannot read gone: entity not found | paths are relative to the folder of the policy",
        ),
        (
            "dst = \"198.18.0.0/33\"",
            "3:7 net: \"198.18.0.0/33\": a prefix length here is a number from 0 to 32 | networks look like \"198.18.0.0/15\", \"2001:db8::/32\" or \"198.18.0.1\"; for names there is `host`",
        ),
        (
            "dst = \"example.com\"",
            "3:7 net: \"example.com\": this is not an IPv4 or IPv6 address or network | networks look like \"198.18.0.0/15\", \"2001:db8::/32\" or \"198.18.0.1\"; for names there is `host`",
        ),
    ] {
        assert_eq!(problem(line), expected);
    }
}

#[test]
fn schedules_are_checked() {
    let zone = "zone = \"UTC\"";
    for (line, expected) in [
        (
            "schedule = \"always\"".to_owned(),
            "3:12 type: `schedule` takes a table, found a string | write, for example, `schedule = { days = \"mon-fri\", hours = \"08:00-18:00\", zone = \"Europe/Berlin\" }`",
        ),
        (
            format!("schedule = {{ {zone} }}"),
            "3:12 empty-schedule: this schedule has no days and no hours | give it `days`, `hours` or both, or leave `schedule` out",
        ),
        (
            format!("schedule = {{ days = \"montag\", {zone} }}"),
            "3:21 days: `days` cannot be \"montag\" | write \"mon\" … \"sun\", \"mon-fri\" or \"sat,sun\"",
        ),
        (
            format!("schedule = {{ hours = \"8-18\", {zone} }}"),
            "3:22 hours: `hours` cannot be \"8-18\" | write \"08:00-18:00\"",
        ),
        (
            "schedule = { days = \"mon\", zone = \"Europe/Berln\" }".to_owned(),
            "3:35 zone: there is no time zone \"Europe/Berln\" | did you mean \"Europe/Berlin\"?",
        ),
        (
            format!("schedule = {{ days = \"mon\", tz = 1, {zone} }}"),
            "3:28 unknown-key: a schedule has no key `tz` | did you mean `zone`?",
        ),
    ] {
        assert_eq!(problem(&line), expected);
    }
}

#[test]
fn actions_are_checked() {
    for (text, expected) in [
        (
            "[[rule]]\napp = \"DNS\"",
            "1:1 no-action: this rule does nothing | give it an `action`: \"drop\" (or \"block\"), \"reject\", \"count\" (or \"allow\") or \"bypass\"; or a `limit`",
        ),
        (
            "[[rule]]\naction = \"limit\"",
            "2:10 limit-without-rate: a limit without a rate | say how much: limit = \"10 mbit/s\"",
        ),
        (
            "[[rule]]\naction = \"zzz\"",
            "2:10 unknown-word: `action` cannot be \"zzz\" | write one of \"drop\", \"reject\", \"count\", \"bypass\", \"limit\", \"block\", \"allow\"",
        ),
        (
            "[[rule]]\naction = \"drop\"\nlimit = \"1 mbit/s\"",
            "3:9 limit-beside-action: `limit` has no meaning beside `action = \"drop\"` | leave `action` out for a rule that limits",
        ),
        (
            "[[rule]]\naction = \"drop\"\nburst = \"1 MB\"",
            "3:9 limit-beside-action: `burst` has no meaning beside `action = \"drop\"` | leave `action` out for a rule that limits",
        ),
        (
            "[[rule]]\nlimit = \"10 mb\"",
            "2:9 quantity: `limit` cannot be \"10 mb\" | write \"10 mbit/s\" for bits, \"10 MB/s\" for bytes",
        ),
        (
            "[[rule]]\nlimit = \"10 bit/s\"",
            "2:9 quantity-bounds: `limit` cannot be \"10 bit/s\" | a rate is at least 1 kbit/s and at most 100 gbit/s",
        ),
        (
            "[[rule]]\nlimit = \"10 mbit/s\"\nburst = \"1 kB\"",
            "3:9 quantity-bounds: `burst` cannot be \"1 kB\" | a burst is at least 1514 B (one full frame) and at most 4 GiB",
        ),
        (
            "[[rule]]\nlimit = \"10 mbit/s\"\nper = \"host\"",
            "3:7 unknown-word: `per` cannot be \"host\" | write one of \"rule\", \"flow\"",
        ),
        (
            "default = \"limit\"",
            "1:11 default-limit: `default` cannot be a limit | end the policy with a rule without matchers: limit = \"10 mbit/s\"",
        ),
        (
            "undecided = \"count\"",
            "1:13 unknown-word: `undecided` cannot be \"count\" | write \"pass\"",
        ),
        (
            "rule = 5",
            "1:8 type: `rule` is a list of tables, found a whole number | begin each rule with a line `[[rule]]`",
        ),
        (
            "rule = [5]",
            "1:9 type: a rule is a table, found a whole number | begin each rule with a line `[[rule]]`",
        ),
    ] {
        assert_eq!(problems(text), [expected]);
    }
}

#[test]
fn what_this_build_cannot_enforce_is_refused() {
    let nothing = Support {
        reject: false,
        limit: false,
        first_packet: false,
        fragments: false,
        unparsable: false,
    };
    let text = "default = \"reject\"
fragments = \"drop\"
unparsable = \"drop\"
undecided = \"drop\"
[[rule]]
action = \"reject\"
first_packet = true
[[rule]]
limit = \"10 mbit/s\"
";
    let help = "take it out: a setting that is not enforced must not look as if it were";
    let expected = [
        "1:11 unsupported: `reject`",
        "2:13 unsupported: `fragments = \"drop\"`",
        "3:14 unsupported: `unparsable = \"drop\"`",
        "6:10 unsupported: `reject`",
        "7:16 unsupported: `first_packet = true`",
        "9:9 unsupported: `limit`",
    ]
    .map(|start| format!("{start} is not supported by this version | {help}"));
    let diagnostics = read_with(text, nothing, &[]).expect_err("unsupported");
    assert_eq!(lines(&diagnostics), expected);
    assert!(read_with(text, Support::ALL, &[]).is_ok());
}

#[test]
fn problems_in_lists_point_into_the_list() {
    let text = "[[rule]]\nhost = { file = \"names\" }\naction = \"drop\"\n";
    let names = "good.example\n\n  bad name # why\nbetter.example\n";
    let policy = read_with(text, Support::ALL, &[("names", names)]).unwrap();
    let expected = r#"warning: 1 of 3 lines of this list is no host name, and is left out: "bad name": something else
 --> names:3:3
  |
3 |   bad name # why
  |   ^^^^^^^^^^^^^^
  |
  = help: lines look like: example.com, 0.0.0.0 example.com, ||example.com^, address=/example.com/, local-zone: "example.com" refuse or example.com CNAME .

1 warning"#;
    assert_eq!(policy.diagnostics().render(false), expected);
}

#[test]
fn a_list_in_another_format_is_refused_in_one_message() {
    let text = "[[rule]]\nhost = { file = \"names\" }\naction = \"drop\"\n";
    let list = "<a href=\"x\">an error page</a>\n".repeat(1000) + "example.com\n";
    let diagnostics = read_with(text, Support::ALL, &[("names", &list)]).unwrap_err();
    let lines = lines(&diagnostics);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let expected =
        "1:1 list-format: 1000 of 1001 lines of this list are no host names, and it is not used; ";
    assert!(lines[0].starts_with(expected), "{lines:#?}");
}

#[test]
fn a_file_that_is_wrong_all_over_is_cut_short() {
    let text: String = (0..20_000).map(|n| ["key", &n.to_string(), " = 1\n"].concat()).collect();
    let shown = printed(&text);
    assert!(shown.contains("policy.toml:1:1"), "{shown}");
    assert!(shown.ends_with("… and 19900 more\n\n20000 errors"), "{shown}");
    let json = read(&text).unwrap_err().to_json();
    assert_eq!(json[19_999]["place"]["line"], 20_000);
}

#[test]
fn a_network_with_host_bits_is_a_warning() {
    let policy =
        read("[[rule]]\ndst = [\"198.18.4.7/24\", \"198.18.4.0/24\"]\naction = \"drop\"\n")
            .unwrap();
    assert_eq!(
        lines(policy.diagnostics()),
        [
            "2:8 host-bits: \"198.18.4.7/24\" has bits set below its prefix | it is read as \"198.18.4.0/24\""
        ]
    );
}

#[test]
fn problems_are_given_to_programs_as_json() {
    let json = read("[[rule]]\nap = \"DNS\"\naction = \"drop\"\n").unwrap_err().to_json();
    let expected = serde_json::json!([{
        "severity": "error",
        "code": "unknown-key",
        "message": "a rule has no key `ap`",
        "place": { "file": "policy.toml", "line": 2, "column": 1, "end_line": 2, "end_column": 3 },
        "help": "did you mean `app`?",
    }]);
    assert_eq!(json, expected);
}
