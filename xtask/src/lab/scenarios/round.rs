//! The same requests twice: through a bare router, and through one with a policy.

use anyhow::Result;
use serde_json::Value;

use super::Scene;
use crate::lab::conversation::Asked;
use crate::lab::findings::Findings;
use crate::lab::outcome::Outcome;
use crate::lab::requests::{Expected, Request};

/// Makes `requests` through a bare router and then, all at once, with `policy`; notes what became
/// of each.
pub(super) fn round(
    scene: &Scene,
    policy: &str,
    requests: &[Request],
    findings: &mut Findings,
) -> Result<Vec<Outcome>> {
    let bare = scene.stage.ask(requests)?;
    let router = scene.stage.router(&scene.write("policy.toml", policy)?)?;
    let asked = scene.stage.ask(requests)?;
    let outcomes = outcomes(requests, bare, asked, &router.end()?);
    findings.outcomes(&outcomes, true);
    Ok(outcomes)
}

/// Puts together what belongs together.
pub(super) fn outcomes(
    requests: &[Request],
    bare: Vec<Asked>,
    asked: Vec<Asked>,
    records: &[Value],
) -> Vec<Outcome> {
    let pairs = requests.iter().zip(bare).zip(asked);
    pairs.map(|((request, bare), asked)| Outcome::new(*request, bare, asked, records)).collect()
}

/// Notes which rule took each blocked flow, and that none took the others.
pub(super) fn check_rules(
    outcomes: &[Outcome],
    rule: impl Fn(&Request) -> &'static str,
    findings: &mut Findings,
) {
    for outcome in outcomes {
        let blocked = outcome.request.expected == Expected::Blocked;
        let expected = if blocked { rule(&outcome.request) } else { "default" };
        findings.check(
            format!("{} is decided by \"{expected}\"", outcome.request.shown()),
            outcome.flow["rule"] == expected,
            &outcome.flow["rule"],
        );
    }
}
