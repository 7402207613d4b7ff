//! Words that people write: what is accepted, and what to write for the others.

use ndpi_policy::{Action, PassOrDrop, Policy};

use crate::common::{flow, policy, read};
use crate::messages::lines;

/// The only problem of a policy: its line, its code, and what to write.
fn cure(text: &str) -> (usize, String, String) {
    let diagnostics = read(text).expect_err(text);
    let [problem] = diagnostics.problems() else {
        panic!("{text}: {:#?}", lines(&diagnostics));
    };
    let (line, _) = diagnostics.line_column(problem.place.expect("a place"));
    (line, problem.code.to_string(), problem.help.clone().unwrap_or_default())
}

/// What the check says to write for a rule with this line.
fn cured(line: &str) -> String {
    let (at, _, help) = cure(&format!("[[rule]]\nname = \"x\"\n{line}\naction = \"drop\"\n"));
    assert_eq!(at, 3, "{line}");
    help
}

fn action(word: &str) -> Result<Action, String> {
    let text = format!("[[rule]]\naction = \"{word}\"\n");
    match read(&text) {
        Ok(policy) => Ok(policy.rules()[0].action),
        Err(_) => Err(cure(&text).2),
    }
}

#[test]
fn allow_and_block_are_actions() {
    assert_eq!(action("allow"), Ok(Action::Count));
    assert_eq!(action("block"), Ok(Action::Drop));
    let rest = |policy: &Policy| (policy.default_action(), policy.undecided());
    let text = "default = \"allow\"\nundecided = \"block\"\n";
    assert_eq!(rest(&policy(text)), (Action::Count, PassOrDrop::Drop));
    let text = "default = \"block\"\nundecided = \"allow\"\n";
    assert_eq!(rest(&policy(text)), (Action::Drop, PassOrDrop::Pass));
}

#[test]
fn a_rule_by_the_name_of_no_rule_is_named() {
    let named = |name: &str| {
        let text = format!("[[rule]]\nname = \"{name}\"\napp = \"DNS\"\naction = \"drop\"\n");
        lines(policy(&text).diagnostics())
    };
    for name in ["default", "undecided"] {
        let found = named(name);
        assert!(found.len() == 1 && found[0].starts_with("2:8 reserved-name:"), "{found:#?}");
    }
    assert_eq!(named("defaults"), Vec::<String>::new());
}

#[test]
fn other_words_for_actions_lead_to_the_right_ones() {
    for (words, expected) in [
        ("pass accept permit Accept ok whitelist log monitor", "write \"allow\" (or \"count\""),
        ("deny discard ban stop forbid DENY blackhole", "write \"block\" (or \"drop\""),
        ("reset rst refuse tcp-reset", "write \"reject\""),
        ("skip offload trust fast-path", "write \"bypass\""),
        ("throttle shape rate-limit police", "say how much: limit = \"10 mbit/s\""),
        ("Drop DROP", "did you mean \"drop\"?"),
        ("mark redirect", "nothing else is done to them"),
    ] {
        for word in words.split(' ') {
            let help = action(word).expect_err(word);
            assert!(help.contains(expected), "{word}: {help}");
        }
    }
    // Who wants flows to pass is not sent to `bypass`.
    assert!(action("accept").unwrap_err().starts_with("write \"allow\""));
    for (setting, expected) in [
        ("undecided = \"accept\"", "write \"pass\""),
        ("undecided = \"deny\"", "write \"drop\""),
        ("fragments = \"reject\"", "write \"drop\""),
        ("unparsable = \"count\"", "write \"pass\""),
        ("default = \"deny\"", "write \"block\""),
    ] {
        assert!(cure(setting).2.starts_with(expected), "{setting}");
    }
}

#[test]
fn rates_are_taken_or_told_with_their_right_spelling() {
    let rate = |text: &str| match read(&format!("[[rule]]\nlimit = {text}\n")) {
        Ok(policy) => match policy.rules()[0].action {
            Action::Limit(limit) => Ok(limit.bytes_per_second),
            other => panic!("{other:?}"),
        },
        Err(_) => Err(cure(&format!("[[rule]]\nlimit = {text}\n")).2),
    };
    for text in ["\"20mbit\"", "\"20 Mbps\"", "\"20 Mb/s\"", "\"20 Mbit/s\"", "'20 mbits/sec'"] {
        assert_eq!(rate(text), Ok(2_500_000), "{text}");
    }
    assert_eq!(rate("\"20MB/s\""), Ok(20_000_000));
    assert_eq!(rate("'500 KBps'"), Ok(500_000));
    for (text, expected) in [
        ("1000000", "write \"1000000 bit/s\" or "),
        ("\"20 mbps\"", "write \"20 mbit/s\" for bits, \"20 MB/s\" for bytes, as of `tc`"),
        ("0", "nothing passes a limit of 0: write action = \"drop\""),
        ("\"0\"", "nothing passes a limit of 0: write action = \"drop\""),
    ] {
        assert!(rate(text).unwrap_err().starts_with(expected), "{text}: {:?}", rate(text));
    }
    for text in ["\"20M\"", "20", "\"20\"", "\"20 mb/s\""] {
        let help = "write \"20 mbit/s\" for bits, \"20 MB/s\" for bytes";
        assert_eq!(rate(text).unwrap_err(), help, "{text}");
    }
}

#[test]
fn ports_have_names_and_ranges() {
    let takes = |entry: &str| {
        let policy = policy(&format!("[[rule]]\nport = {entry}\naction = \"drop\"\n"));
        flow().decided_by(&policy).rule.is_some()
    };
    for entry in ["\"https\"", "[\"http\", \"https\"]", "[80, \"https\"]", "\"400-500\"", "\"443\""]
    {
        assert!(takes(entry), "{entry}");
    }
    assert!(!takes("\"http\""));
    for proto in ["tcp", "TCP", "Tcp"] {
        let policy = policy(&format!("[[rule]]\nproto = \"{proto}\"\naction = \"drop\"\n"));
        assert!(flow().decided_by(&policy).rule.is_some(), "{proto}");
    }
    for (line, expected) in [
        ("port = \"8000:8100\"", "write \"8000-8100\""),
        ("port = \"80,443\"", "several stand in a list: port = [80, 443]"),
        ("port = \"HTTPS\"", "did you mean \"https\"?"),
        ("port = \"tcp/443\"", "write `port = 443` and `proto = \"tcp\"`"),
        ("port = \"*\"", "leave `port` out to match all of them"),
        ("proto = \"tcp,udp\"", "write proto = [\"tcp\", \"udp\"]"),
        ("proto = \"https\"", "that is an application: write it as `app`, or its port as `port`"),
        ("vlan = \"10:20\"", "write \"10-20\""),
        ("dst = \"10.0.0.0/255.0.0.0\"", "write \"10.0.0.0/8\""),
        ("src = \"192.168.1.*\"", "write \"192.168.1.0/24\""),
        (
            "host = \"10.0.0.0/8\"",
            "addresses are asked for by `src`, `dst` or `any`: dst = \"10.0.0.0/8\"",
        ),
        (
            "host = \"a.example, b.example\"",
            "several stand in a list: host = [\"a.example\", \"b.example\"]",
        ),
        ("src_port = 5", "clients choose their ports as they like; `port` is the server's"),
        (
            "enabled = false",
            "a rule that is there is in force: put `#` before its lines to take it out",
        ),
        ("days = \"mon\"", "it stands in `schedule`: schedule = { days = … }"),
    ] {
        assert_eq!(cured(line), expected, "{line}");
    }
}

#[test]
fn days_and_hours_are_read_as_people_write_them() {
    // The flow's time is a Monday noon, UTC.
    let holds = |schedule: &str| {
        let rule = format!("schedule = {{ {schedule}, zone = \"UTC\" }}\naction = \"drop\"\n");
        flow().decided_by(&policy(&format!("[[rule]]\n{rule}"))).rule.is_some()
    };
    for schedule in
        ["days = \"Monday\"", "days = \"Mon\"", "days = \"sun,mon\"", "days = \"mon-fri\""]
    {
        assert!(holds(schedule), "{schedule}");
    }
    for schedule in
        ["days = \"sat,sun\"", "days = \"Saturday\"", "days = \"weekend\"", "days = \"Sat\""]
    {
        assert!(!holds(schedule), "{schedule}");
    }
    assert!(holds("hours = \"8:00-18:00\"") && !holds("hours = \"8:00-9:00,20:00-22:00\""));
    for (line, expected) in [
        ("schedule = { days = \"mon to fri\" }", "write \"mon-fri\""),
        ("schedule = { hours = \"8am-6pm\" }", "write \"08:00-18:00\""),
        ("schedule = { hours = \"8-18\" }", "write \"08:00-18:00\""),
        ("schedule = \"mon-fri\"", "write `schedule = { days = \"mon-fri\" }`"),
        ("schedule = \"8:00-18:00\"", "write `schedule = { hours = \"8:00-18:00\" }`"),
    ] {
        assert_eq!(cured(line), expected, "{line}");
    }
}

#[test]
fn names_of_another_kind_lead_to_their_key() {
    for (line, expected) in [
        ("app = \"SocialNetwork\"", "that is a category: write `category = \"SocialNetwork\"`"),
        ("app = \"social network\"", "that is a category: write `category = \"SocialNetwork\"`"),
        ("category = \"Facebook\"", "that is an application: write `app = \"Facebook\"`"),
        ("category = [\"Web\", \"netflix\"]", "that is an application: write `app = \"NetFlix\"`"),
        ("category = \"Fun\"", "that is a breed: write `breed = \"Fun\"`"),
        ("breed = \"DNS\"", "that is an application: write `app = \"DNS\"`"),
        ("risk = \"Streaming\"", "that is a category: write `category = \"Streaming\"`"),
        ("app = \"self-signed-cert\"", "that is a risk: write `risk = \"Self-signed Cert\"`"),
        ("app = \"net flix\"", "did you mean \"NetFlix\"?"),
        ("app = \"SSL\"", "did you mean \"TLS\"?"),
        ("app = \"HTTP/3\"", "did you mean \"QUIC\"?"),
        ("app = \"DNS, TLS\"", "several stand in a list: app = [\"DNS\", \"TLS\"]"),
    ] {
        assert_eq!(cured(line), expected, "{line}");
    }
}

#[test]
fn text_that_is_not_toml_is_cured_by_the_line() {
    for (line, expected) in [
        ("app = \"DNS", "write: app = \"DNS\""),
        ("app = DNS\"", "write: app = \"DNS\""),
        ("app = 'DNS", "write: app = \"DNS\""),
        ("app = DNS", "write: app = \"DNS\""),
        ("app = \"DNS # why", "write: app = \"DNS\""),
        ("app = “DNS”", "write: app = \"DNS\""),
        ("app = [\"DNS, \"TLS\"]", "write: app = [\"DNS\", \"TLS\"]"),
        ("app = [\"DNS\", TLS\"]", "write: app = [\"DNS\", \"TLS\"]"),
        ("app = [DNS, TLS]", "write: app = [\"DNS\", \"TLS\"]"),
        ("app = [\"DNS\" \"TLS\"]", "write: app = [\"DNS\", \"TLS\"]"),
        ("app = \"DNS\", \"TLS\"", "write: app = [\"DNS\", \"TLS\"]"),
        ("app = [\"DNS\", \"TLS\"", "put `]` behind its last entry"),
        ("app: \"DNS\"", "write: app = \"DNS\""),
        ("app \"DNS\"", "write: app = \"DNS\""),
        ("app == \"DNS\"", "write: app = \"DNS\""),
        ("app = \"DNS\",", "write: app = \"DNS\""),
        ("app = \"DNS\";", "write: app = \"DNS\""),
        ("app =", "write a value behind it, or take `app` out"),
        ("guessed = True", "write: guessed = true"),
        ("dst = 10.0.0.0/8", "write: dst = \"10.0.0.0/8\""),
        ("limit = 20 mbit/s", "write: limit = \"20 mbit/s\""),
        ("port = 80-90", "write: port = \"80-90\""),
        ("port = 080", "write: port = 80"),
        ("// why", "write: # why"),
        ("schedule = { days = \"mon\"", "put `}` behind its last entry"),
        ("host = { file = \"a.txt }", "a table looks like { file = \"…\" }"),
        ("host = { file = \"C:\\lists\" }", "write: host = { file = 'C:\\lists' }"),
        ("[[rule]", "write: [[rule]]"),
        ("not = { port = 5 }\nnot.app = \"DNS\"", ""),
    ] {
        if expected.is_empty() {
            let text = format!("[[rule]]\nname = \"x\"\n{line}\naction = \"drop\"\n");
            assert_eq!(cure(&text).0, 4);
        } else {
            assert_eq!(cured(line), expected, "{line}");
        }
    }
    // Entries of a list that goes over several lines.
    let list = |entry: &str| {
        let list = format!("host = [\n  \"a.example\",\n  {entry}\n  \"c.example\",\n]\n");
        cure(&format!("[[rule]]\n{list}action = \"drop\"\n"))
    };
    for entry in ["\"b.example,", "b.example\",", "b.example,"] {
        let expected = (4, "toml".to_owned(), "write: \"b.example\",".to_owned());
        assert_eq!(list(entry), expected, "{entry}");
    }
    assert_eq!(list("\"b.example\"").0, 5);
}

#[test]
fn several_mistakes_of_a_text_are_each_told_once() {
    let text = "default = drop\nundecided = \"pass\n[[rule]]\nname = it's\naction = drop\n";
    let found = lines(&read(text).unwrap_err());
    let at: Vec<_> = found.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
    assert_eq!(at, ["1", "2", "4", "5"], "{found:#?}");
}

#[test]
fn that_there_are_no_rules_is_said_in_either_number() {
    assert!(policy("rule = []\n").rules().is_empty());
    assert!(policy("rules = []\n").rules().is_empty());
    assert_eq!(cure("[[rules]]\naction = \"drop\"\n").2, "did you mean `rule`?");
    assert_eq!(cure("rules = []\n[[rule]]\naction = \"drop\"\n").2, "did you mean `rule`?");
}
