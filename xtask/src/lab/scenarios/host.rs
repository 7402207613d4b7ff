//! Host names: one, a domain, a list that changes; and names that only look like them.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::Result;

use super::scenario::{Scenario, Scene};
use crate::lab::conversation::Asked;
use crate::lab::findings::Findings;
use crate::lab::interrupt;
use crate::lab::requests::{Ask, Expected, Family, Page, Request, row};
use crate::lab::router::Router;
use crate::lab::trial::Trial;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "host",
    about: "one name, a domain and a list of 5000 are blocked, look-alikes are not; the list changes",
    names,
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

/// What comes to the list later.
const ADDED: Request =
    row(Ask::Https(Page::Small), "added.example.com", Family::V4, Expected::Blocked);

const LIST: &str = "names.txt";
/// How long the list may take to be reloaded.
const PATIENCE: Duration = Duration::from_secs(10);

fn play(scene: &Scene, findings: &mut Findings) -> Result<()> {
    let (stage, requests) = (scene.stage, requests());
    let bare = stage.ask(&requests)?;
    scene.write(LIST, &list(""))?;
    let router = stage.router(&scene.write("policy.toml", POLICY)?)?;
    let asked = stage.ask(&requests)?;
    let added = check_added(scene, &router, findings)?;
    let records = router.end()?;
    let trials = Trial::all(&requests, bare, asked, &records);
    findings.trials(&trials, true);
    findings.trials(&Trial::all(&[ADDED], added.0, added.1, &records), true);
    for trial in &trials {
        check_rule(trial, findings);
    }
    Ok(())
}

/// A name that comes to the list while the policy is in force; it is asked for before and after.
fn check_added(
    scene: &Scene,
    router: &Router,
    findings: &mut Findings,
) -> Result<(Vec<Asked>, Vec<Asked>)> {
    let reloads = || router.said().matches("reloaded").count();
    let (before, count) = (scene.stage.ask(&[ADDED])?, reloads());
    let new = scene.write("names.new", &list(ADDED.name))?;
    fs::rename(new, scene.folder.join(LIST))?;
    let taken = interrupt::until(PATIENCE, || Ok(reloads() > count))?;
    findings.check("a list that changes is reloaded", taken, "");
    Ok((before, scene.stage.ask(&[ADDED])?))
}

/// Notes whether the right rule took a blocked flow, and none another.
fn check_rule(trial: &Trial, findings: &mut Findings) {
    let (shown, name) = (trial.request.shown(), trial.request.name);
    let rule = BLOCKED.iter().find(|(blocked, _)| *blocked == name);
    let rule = rule.map_or("default", |(_, rule)| rule);
    let seen = &trial.flow["rule"];
    findings.check(format!("{shown} is decided by \"{rule}\""), *seen == rule, seen);
}

/// Three names that matter, among thousands, and one more.
fn list(more: &str) -> String {
    let mut text =
        format!("# blocked\nlisted.example.com\n.below.example.com\nBÜCHER.example\n{more}\n");
    for number in 0..5000 {
        let _ = writeln!(text, "host-{number}.example.com");
    }
    text
}

fn names() -> Vec<&'static str> {
    let blocked = BLOCKED.iter().map(|(name, _)| *name);
    blocked.chain(ANSWERED).chain([ADDED.name]).collect()
}

/// Every name over TLS, in turn over IPv4 and IPv6; some in the clear as well.
fn requests() -> Vec<Request> {
    let families = [Family::V4, Family::V6];
    let mut requests = Vec::new();
    let blocked = BLOCKED.iter().map(|(name, _)| (*name, Expected::Blocked));
    let answered = ANSWERED.iter().map(|name| (*name, Expected::Answered));
    for (place, (name, expected)) in blocked.chain(answered).enumerate() {
        let family = families[place % 2];
        requests.push(row(Ask::Https(Page::Small), name, family, expected));
        if place % 3 == 0 {
            requests.push(row(Ask::Http(Page::Small), name, family, expected));
        }
    }
    requests
}
