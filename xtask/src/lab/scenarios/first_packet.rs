//! `first_packet`: a server that is known is blocked from the first packet on, and only that one.

use anyhow::Result;

use super::scenario::{Scenario, Scene};
use crate::lab::conversation::Asked;
use crate::lab::findings::Findings;
use crate::lab::requests::Family::{self, V4, V6};
use crate::lab::requests::{Ask, Expected, Page, Request, row};
use crate::lab::router::Router;
use crate::lab::trial::Trial;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "first-packet",
    about: "after a DNS answer and one blocked flow, not one packet of the next reaches the server",
    names: || NAMES.to_vec(),
    play,
};

const BLOCKED: &str = "blocked.example.org";
const FREE: &str = "free.example.org";
/// A name that nDPI knows.
const KNOWN: &str = "www.facebook.com";
const NAMES: [&str; 3] = [BLOCKED, FREE, KNOWN];

const POLICY: &str = r#"
default = "count"

[[rule]]
name = "known servers"
proto = "tcp"
host = "blocked.example.org"
first_packet = true
action = "drop"

[[rule]]
name = "known names"
proto = "tcp"
app = "Facebook"
first_packet = true
action = "drop"
"#;

/// What is asked for, one after the other.
struct Step {
    what: &'static str,
    request: Request,
    reaches: Reaches,
    /// What its record says it was decided by; `None` where its content told.
    decided_by: Option<&'static str>,
}

/// How far a flow gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reaches {
    /// It is answered.
    Answered,
    /// It is not, but some of its packets reach the server.
    Server,
    /// Not one does.
    Nobody,
}
use Reaches::{Answered, Nobody, Server};

const WEB: Ask = Ask::Https(Page::Small);
const CLEAR: Ask = Ask::Http(Page::Small);

const STEPS: [Step; 10] = [
    step("the name's address", (Ask::Address, BLOCKED, V4), Answered, None),
    step("the first connection", (WEB, BLOCKED, V4), Server, None),
    step("the second connection", (WEB, BLOCKED, V4), Nobody, Some("server")),
    step("another port of the server", (CLEAR, FREE, V4), Answered, None),
    step("another address", (WEB, FREE, V6), Answered, None),
    // The risk of it: the address serves more than one name.
    step("another name at the address", (WEB, FREE, V4), Nobody, Some("server")),
    step("that name's address", (Ask::Address, FREE, V4), Answered, None),
    step("that name, once an answer gave it the address", (WEB, FREE, V4), Answered, None),
    step("a known name's address", (Ask::Address, KNOWN, V6), Answered, None),
    step("the first connection there", (WEB, KNOWN, V6), Server, Some("first-packet")),
];

const fn step(
    what: &'static str,
    (ask, name, family): (Ask, &'static str, Family),
    reaches: Reaches,
    decided_by: Option<&'static str>,
) -> Step {
    let expected = if matches!(reaches, Answered) { Expected::Answered } else { Expected::Blocked };
    Step { what, request: row(ask, name, family, expected), reaches, decided_by }
}

fn play(scene: &Scene, findings: &mut Findings) -> Result<()> {
    let requests = STEPS.map(|step| step.request);
    let bare = scene.stage.ask(&requests)?;
    let router = scene.stage.router(&scene.write("policy.toml", POLICY)?)?;
    let mut asked = Vec::new();
    for step in &STEPS {
        asked.extend(take(scene, &router, step, findings)?);
    }
    let trials = Trial::all(&requests, bare, asked, &router.end()?);
    findings.trials(&trials, true);
    for (step, trial) in STEPS.iter().zip(&trials) {
        let seen = &trial.flow["decided_by"];
        let what = format!("{}: decided by {}", step.what, step.decided_by.unwrap_or("content"));
        findings.check(what, seen.as_str() == step.decided_by, seen);
    }
    Ok(())
}

/// Makes one request, and waits for the decision on it: the next may depend on that.
fn take(
    scene: &Scene,
    router: &Router,
    step: &Step,
    findings: &mut Findings,
) -> Result<Vec<Asked>> {
    let asked = scene.stage.ask(&[step.request])?;
    let flow = &asked[0].flow;
    router.verdict(flow)?;
    let packets = scene.stage.server_sees.of(flow)?.packets;
    let reached = match (&asked[0].answer, packets) {
        (Ok(_), _) => Answered,
        (Err(_), 0) => Nobody,
        (Err(_), _) => Server,
    };
    findings.check(
        format!("{}: {} reaches {:?}", step.what, step.request.shown(), step.reaches),
        reached == step.reaches,
        format!("{reached:?}, {packets} packets at the server"),
    );
    Ok(asked)
}
