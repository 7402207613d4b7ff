//! An allow-list: what is not named does not get through, and how much of it leaked.

use anyhow::Result;

use super::scenario::{Scenario, Scene};
use crate::lab::echo::Echo;
use crate::lab::findings::Findings;
use crate::lab::requests::{Ask, Expected, Family, Page, Request, row};
use crate::lab::retrying_client::{Question, RetryingClient};
use crate::lab::trial::Trial;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "allow-list",
    about: "DNS and the web get through; ssh and what nDPI does not know only with their first packets",
    names: || NAMES.to_vec(),
    play,
};

const NAMES: [&str; 2] = ["www.example.org", "shell.example.org"];

const POLICY: &str = r#"
default = "drop"
undecided = "drop"

[[rule]]
name = "only DNS and the web"
app = ["DNS", "HTTP", "TLS"]
action = "count"
"#;

/// A port without a meaning.
const PORT: u16 = 24_710;
/// How many packets of a flow `ndpi-xdp` shows to nDPI by default.
const BUDGET: u64 = 32;
/// Questions and answers that may pass while the last verdict is being made.
const SLACK: u64 = 8;

fn play(scene: &Scene, findings: &mut Findings) -> Result<()> {
    let _echo = Echo::start(&scene.stage.topology.server, PORT)?;
    let requests = requests();
    let bare = scene.stage.ask(&requests)?;
    for family in [Family::V4, Family::V6] {
        let unknown = RetryingClient::start(scene.stage, family, Question::Noise(PORT))?;
        let answered = unknown.becomes_answered()?;
        findings.check(
            format!("{family:?}: the unknown is answered without a policy"),
            answered,
            "",
        );
    }
    let router = scene.stage.router(&scene.write("policy.toml", POLICY)?)?;
    let unknown = [Family::V4, Family::V6].map(|family| {
        RetryingClient::start(scene.stage, family, Question::Noise(PORT)).map(|it| (family, it))
    });
    let asked = scene.stage.ask(&requests)?;
    for started in unknown {
        let (family, unknown) = started?;
        check_unknown(scene, family, &unknown, findings)?;
    }
    findings.trials(&Trial::all(&requests, bare, asked, &router.end()?), true);
    Ok(())
}

/// The flow must be at its end after its budget, as the server sees it.
fn check_unknown(
    scene: &Scene,
    family: Family,
    unknown: &RetryingClient,
    findings: &mut Findings,
) -> Result<()> {
    let silent = unknown.becomes_silent()?;
    findings.check(
        format!("{family:?}: the unknown becomes silent"),
        silent,
        format!("{} questions", unknown.sent()),
    );
    let arrived = scene.stage.server_sees.of(&unknown.flow)?.packets;
    findings.check(
        format!("{family:?}: no more of it arrives than its budget"),
        (1..=BUDGET + SLACK).contains(&arrived),
        format!("{arrived} of {} questions", unknown.sent()),
    );
    findings.add("of the unknown arrived", arrived);
    Ok(())
}

fn requests() -> Vec<Request> {
    let mut requests = Vec::new();
    for family in [Family::V4, Family::V6] {
        for ask in [Ask::Address, Ask::Https(Page::Small), Ask::Http(Page::Small)] {
            requests.push(row(ask, NAMES[0], family, Expected::Answered));
        }
        requests.push(row(Ask::Ssh, NAMES[1], family, Expected::Blocked));
    }
    requests
}
