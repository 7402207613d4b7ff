//! `reject`: the client is notified, and need not wait.

use std::time::Duration;

use anyhow::Result;

use super::scenario::{Scenario, Scene};
use crate::lab::conversation::Asked;
use crate::lab::findings::Findings;
use crate::lab::flow::FlowId;
use crate::lab::requests::{Ask, Expected, Family, Page, Request, row};
use crate::lab::router::Router;
use crate::lab::trial::Trial;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "reject",
    about: "curl fails at once with a reset, and dig with ICMP \"administratively prohibited\"",
    names: || NAMES.to_vec(),
    play,
};

const NAMES: [&str; 2] = ["refused.example.org", "www.example.org"];

const POLICY: &str = r#"
default = "count"

[[rule]]
name = "refused"
host = "refused.example.org"
action = "reject"
"#;

/// How long a client that is notified may take at most: far less than its own patience.
const AT_ONCE: Duration = Duration::from_secs(1);
/// curl(1), exit codes: cannot connect, a TLS error (here the reset while the handshake goes on),
/// failure in sending, and in receiving.
const RESET: [i32; 4] = [7, 35, 55, 56];

fn play(scene: &Scene, findings: &mut Findings) -> Result<()> {
    let (web, names) = (web(), names());
    let (bare_web, bare_names) = (scene.stage.ask(&web)?, scene.stage.ask(&names)?);
    let router = scene.stage.router(&scene.write("policy.toml", POLICY)?)?;
    let asked_web = scene.stage.ask(&web)?;
    let mut asked_names = Vec::new();
    for request in &names {
        asked_names.extend(dig(scene, &router, request, findings)?);
    }
    let records = router.end()?;
    let web = Trial::all(&web, bare_web, asked_web, &records);
    let names = Trial::all(&names, bare_names, asked_names, &records);
    findings.trials(&web, true);
    findings.trials(&names, true);
    web.iter().chain(&names).filter(|it| it.blocked()).for_each(|it| check_told(it, findings));
    Ok(())
}

/// A name's address, asked for twice from one port. The first answer completes the classification;
/// the second question is what the verdict meets, and its result what is returned.
fn dig(
    scene: &Scene,
    router: &Router,
    request: &Request,
    findings: &mut Findings,
) -> Result<Vec<Asked>> {
    let port = scene.stage.port()?;
    let (client, server) = (request.family.client(), request.family.server());
    let flow = FlowId { proto: 17, client: (client, Some(port)), server: (server, 53) };
    scene.stage.client().ask_together(&[(*request, port)])?;
    router.verdict(&flow)?;
    let before = scene.stage.client_sees.prohibitions()?;
    let asked = scene.stage.client().ask_together(&[(*request, port)])?;
    let told = scene.stage.client_sees.prohibitions()? - before;
    findings.check(
        format!("{}: the client gets ICMP \"administratively prohibited\"", request.shown()),
        told > 0,
        format!("{told} messages"),
    );
    Ok(asked)
}

/// It must be over at once, and in the way of who was told.
fn check_told(trial: &Trial, findings: &mut Findings) {
    let (shown, asked) = (trial.request.shown(), &trial.asked);
    findings.check(
        format!("{shown} fails at once"),
        asked.took < AT_ONCE,
        format!("after {:.2} s", asked.took.as_secs_f64()),
    );
    findings.check(
        format!("{shown} is rejected, says the record"),
        trial.flow["action"] == "reject",
        &trial.flow["action"],
    );
    if trial.request.ask != Ask::Address {
        let reset = asked.code.is_some_and(|code| RESET.contains(&code));
        findings.check(
            format!("{shown} ends as after a reset"),
            reset,
            format!("{:?}", asked.code),
        );
    }
}

fn web() -> Vec<Request> {
    let mut requests = Vec::new();
    for family in [Family::V4, Family::V6] {
        for ask in [Ask::Https(Page::Small), Ask::Http(Page::Small)] {
            requests.push(row(ask, NAMES[0], family, Expected::Blocked));
            requests.push(row(ask, NAMES[1], family, Expected::Answered));
        }
    }
    requests
}

fn names() -> Vec<Request> {
    [Family::V4, Family::V6]
        .map(|family| row(Ask::Address, NAMES[0], family, Expected::Blocked))
        .into()
}
