//! `limit`: a rate that a rule's flows share, or that each has for itself; others are not slowed.

use std::time::Duration;

use anyhow::Result;

use super::meter::{Speed, speeds};
use super::scenario::{Scenario, Scene};
use crate::lab::download::Download;
use crate::lab::findings::Findings;
use crate::lab::requests::{Ask, Expected, Family, Page, row};
use crate::lab::servers::{ENDLESS, LARGE, STREAM};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "limit",
    about: "downloads run at 10 mbit/s, shared or each, measured over 10 s; others are not slowed",
    names: || NAMES.to_vec(),
    play,
};

const SHARED: &str = "shared.example.org";
const EACH: &str = "each.example.org";
const FREE: &str = "free.example.org";
const NAMES: [&str; 3] = [SHARED, EACH, FREE];

const POLICY: &str = r#"
default = "count"

[[rule]]
name = "shared"
host = "shared.example.org"
limit = "10 mbit/s"

[[rule]]
name = "each"
host = "each.example.org"
limit = "10 mbit/s"
per = "flow"
"#;

/// The rate of the rules, bits a second.
const RATE: f64 = 10e6;
/// How far from it a measure may be.
const TOLERANCE: f64 = 0.1;
/// How long it is measured.
const TIME: Duration = Duration::from_secs(10);
/// How long after the verdicts: the burst of the beginning is over.
const SETTLED: Duration = Duration::from_millis(1500);

fn play(scene: &Scene, findings: &mut Findings) -> Result<()> {
    check_bare(scene, findings)?;
    let router = scene.stage.router(&scene.write("policy.toml", POLICY)?)?;
    let start = |family, name, path| Download::start(scene.stage, family, name, path);
    let downloads = [
        start(Family::V4, SHARED, ENDLESS)?,
        start(Family::V6, SHARED, ENDLESS)?,
        start(Family::V4, EACH, ENDLESS)?,
        start(Family::V6, EACH, ENDLESS)?,
        start(Family::V4, FREE, STREAM.0)?,
    ];
    for download in &downloads {
        router.verdict(&download.flow)?;
    }
    // Only for the time that it takes.
    speeds(scene, &downloads, SETTLED)?;
    let speeds = speeds(scene, &downloads, TIME)?;
    drop(downloads);
    router.end()?;
    let [one, other, first, second, free] = speeds[..] else {
        anyhow::bail!("{} speeds of 5 downloads", speeds.len());
    };
    let both = Speed { passed: one.passed + other.passed, arrived: one.arrived + other.arrived };
    check_rate("two flows that share a limit", both, findings);
    check_rate("a flow with a limit of its own", first, findings);
    check_rate("another flow with a limit of its own", second, findings);
    let share = free.arrived / (STREAM.1 as f64 * 8.0);
    let seen = format!("{share:.2} of the server's pace");
    findings.check("a download without a limit is not slowed", share >= 1.0 - TOLERANCE, &seen);
    findings.figure("shared", shown(both));
    findings.figure("each", format!("{} and {}", shown(first), shown(second)));
    findings.figure("free", seen);
    Ok(())
}

/// Without a policy all downloads are faster by far.
fn check_bare(scene: &Scene, findings: &mut Findings) -> Result<()> {
    let request = |name| row(Ask::Http(Page::Large), name, Family::V4, Expected::Answered);
    for asked in scene.stage.ask(&[SHARED, EACH].map(request))? {
        let rate = LARGE.1 as f64 * 8.0 / asked.took.as_secs_f64();
        let seen = format!("{:?}, {:.0} mbit/s", asked.answer, rate / 1e6);
        let fast = asked.answer.is_ok() && rate > 5.0 * RATE;
        findings.check("a download is far faster without a policy", fast, seen);
    }
    Ok(())
}

fn check_rate(whose: &str, speed: Speed, findings: &mut Findings) {
    for (rate, place) in [(speed.passed, "the kernel"), (speed.arrived, "the client")] {
        findings.check(
            format!("{whose}: {place} sees 10 mbit/s, within 10 %"),
            (rate / RATE - 1.0).abs() <= TOLERANCE,
            format!("{:.2} mbit/s", rate / 1e6),
        );
    }
}

fn shown(speed: Speed) -> String {
    format!("{:.2} (client {:.2}) mbit/s", speed.passed / 1e6, speed.arrived / 1e6)
}
