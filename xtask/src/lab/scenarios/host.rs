//! Host names: one, a domain, a list; and names that only look like them.

use std::fmt::Write as _;

use anyhow::Result;

use super::round::{check_rules, round};
use super::{Scenario, Scene};
use crate::lab::findings::Findings;
use crate::lab::requests::{Ask, Expected, Family, Page, Request, row};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "host",
    about: "one name, all names below another and a list of 5000 are blocked; look-alikes are not",
    names: &NAMES,
    play,
};

const POLICY: &str = r#"
default = "count"

[[rule]]
name = "one name"
host = "www.example.org"
action = "drop"

[[rule]]
name = "a domain"
host = "*.example.net"
action = "drop"

[[rule]]
name = "a list"
host = { file = "names.txt" }
action = "drop"
"#;

/// What the policy blocks, and by which rule.
const BLOCKED: [(&str, &str); 6] = [
    ("www.example.org", "one name"),
    ("www.example.net", "a domain"),
    ("a.b.example.net", "a domain"),
    ("listed.example.com", "a list"),
    ("deep.below.example.com", "a list"),
    ("xn--bcher-kva.example", "a list"),
];

/// What only looks like it.
const ANSWERED: [&str; 9] = [
    "example.org",
    "notwww.example.org",
    "www.example.org.evil.example",
    "example.net",
    "notexample.net",
    "www.example.net.evil.example",
    "unlisted.example.com",
    "notlisted.example.com",
    "listed.example.com.evil.example",
];

const NAMES: [&str; 15] = {
    let mut names = [""; 15];
    let mut place = 0;
    while place < 15 {
        names[place] = if place < 6 { BLOCKED[place].0 } else { ANSWERED[place - 6] };
        place += 1;
    }
    names
};

fn play(scene: &Scene, findings: &mut Findings) -> Result<()> {
    scene.write("names.txt", &list())?;
    let outcomes = round(scene, POLICY, &requests(), findings)?;
    let by = |request: &Request| {
        let entry = BLOCKED.iter().find(|(name, _)| *name == request.name);
        entry.map_or("default", |(_, rule)| rule)
    };
    check_rules(&outcomes, by, findings);
    Ok(())
}

/// Three names that matter, among thousands.
fn list() -> String {
    let mut text =
        String::from("# blocked\nlisted.example.com\n.below.example.com\nBÜCHER.example\n");
    for number in 0..5000 {
        let _ = writeln!(text, "host-{number}.example.com");
    }
    text
}

/// Every name over TLS, in turn over IPv4 and IPv6; some in the clear as well.
fn requests() -> Vec<Request> {
    let families = [Family::V4, Family::V6];
    let mut requests = Vec::new();
    for (place, name) in NAMES.into_iter().enumerate() {
        let blocked = BLOCKED.iter().any(|(blocked, _)| *blocked == name);
        let expected = if blocked { Expected::Blocked } else { Expected::Answered };
        let family = families[place % 2];
        requests.push(row(Ask::Https(Page::Small), name, family, expected));
        if place % 3 == 0 {
            requests.push(row(Ask::Http(Page::Small), name, family, expected));
        }
    }
    requests
}
