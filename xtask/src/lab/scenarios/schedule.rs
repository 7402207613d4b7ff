//! Schedules: a rule in force now, one that is not, and one that comes into force meanwhile.

use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};

use super::clock::{hours_around, whole_second, zone_turning_at};
use super::scenario::{Scenario, Scene};
use crate::lab::conversation::Asked;
use crate::lab::findings::Findings;
use crate::lab::requests::{Ask, Expected, Family, Page, Request, row};
use crate::lab::retrying_client::{Question, RetryingClient};
use crate::lab::trial::Trial;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "schedule",
    about: "a rule holds in its hours only, and takes flows that are under way when they begin",
    names: || NAMES.to_vec(),
    play,
};

const NOW: &str = "now.example.org";
const LATER: &str = "later.example.org";
const COMING: &str = "coming.example.org";
const NAMES: [&str; 3] = [NOW, LATER, COMING];

const HOUR: u64 = 3600;
/// How far the clocks of the lab's zone are put forward.
const FORWARD: u64 = 12 * HOUR;
/// How long after the start they are: long enough for what must be seen before, else the next.
const LEADS: [Duration; 3] =
    [Duration::from_secs(4), Duration::from_secs(12), Duration::from_secs(36)];

/// How long after it a flow may go on until that is a mistake.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hours are no finer than minutes. So the third rule waits for the clocks: the zone of the router is
/// one whose clocks are put forward in a few seconds, into the hours of the rule.
fn play(scene: &Scene, findings: &mut Findings) -> Result<()> {
    let requests = requests();
    let bare = scene.stage.ask(&requests)?;
    for lead in LEADS {
        let turn = whole_second(SystemTime::now() + lead)?;
        let zone = zone_turning_at(turn, FORWARD)?;
        let policy = scene.write("policy.toml", &policy(turn)?)?;
        let router = scene.stage.router_in(&policy, &[("TZ", &zone)])?;
        let coming = RetryingClient::start(scene.stage, Family::V4, Question::Name(COMING))?;
        let answered = coming.becomes_answered()?;
        let before = scene.stage.ask(&[web(COMING, Expected::Answered)])?.remove(0);
        if SystemTime::now() > turn {
            router.end()?;
            continue;
        }
        findings.check("a flow is answered before the hours of its rule", answered, "");
        let answer = before.answer.unwrap_or_else(|reason| reason);
        findings.check("and so is a request", before.code == Some(0), answer);
        wait_for(turn, &coming, findings)?;
        let asked = watch_from_then_on(scene, &coming, &requests, findings)?;
        findings.trials(&Trial::all(&requests, bare, asked, &router.end()?), true);
        return Ok(());
    }
    bail!("this machine is too slow: {:?} did not do for one request", LEADS[2])
}

/// Waits until the clocks are put forward, and what that does to a flow under way.
fn wait_for(turn: SystemTime, coming: &RetryingClient, findings: &mut Findings) -> Result<()> {
    let left = turn.duration_since(SystemTime::now()).unwrap_or_default();
    let silent = coming.becomes_silent_within(left + PATIENCE)?;
    findings.check("a flow under way ends when the hours of its rule begin", silent, "");
    let late = SystemTime::now().duration_since(turn);
    let shown = match &late {
        Ok(late) => format!("{:.2} s later", late.as_secs_f64()),
        Err(early) => format!("{:.2} s earlier", early.duration().as_secs_f64()),
    };
    findings.check("and not before", late.is_ok(), &shown);
    findings.figure("silent", shown);
    Ok(())
}

/// Makes the requests; meanwhile nothing of the flow under way arrives.
fn watch_from_then_on(
    scene: &Scene,
    coming: &RetryingClient,
    requests: &[Request],
    findings: &mut Findings,
) -> Result<Vec<Asked>> {
    let arrived = || scene.stage.server_sees.of(&coming.flow);
    let (first, sent) = (arrived()?.packets, coming.sent());
    let asked = scene.stage.ask(requests)?;
    let (more, asking) = (arrived()?.packets - first, coming.sent() - sent);
    let seen = format!("{more} of {asking} questions");
    findings.check("from then on nothing of it arrives", more == 0 && asking > 0, seen);
    Ok(asked)
}

/// Once the clocks are put forward.
fn requests() -> Vec<Request> {
    [(NOW, Expected::Blocked), (LATER, Expected::Answered), (COMING, Expected::Blocked)]
        .map(|(name, expected)| web(name, expected))
        .into()
}

fn web(name: &'static str, expected: Expected) -> Request {
    row(Ask::Https(Page::Small), name, Family::V4, expected)
}

/// All hours have margins that no run of the lab outlasts.
fn policy(turn: SystemTime) -> Result<String> {
    let rule = |name: &str, hours: String, zone: &str| {
        format!(
            "[[rule]]\nname = \"{name}\"\nhost = \"{name}\"\naction = \"drop\"\n\
             schedule = {{ hours = \"{hours}\"{zone} }}\n\n"
        )
    };
    let utc = ", zone = \"UTC\"";
    Ok([
        "default = \"count\"\n\n".to_owned(),
        rule(NOW, hours_around(turn, HOUR)?, utc),
        rule(LATER, hours_around(turn + Duration::from_secs(6 * HOUR), HOUR)?, utc),
        rule(COMING, hours_around(turn + Duration::from_secs(FORWARD), HOUR)?, ""),
    ]
    .concat())
}
