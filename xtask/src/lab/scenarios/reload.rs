//! A policy that changes again and again under traffic: what both policies block never gets through.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;

use super::changing::{Changing, Reply, WAYS};
use super::scenario::{Scenario, Scene};
use super::traffic::{BOTH, FIRST, NONE, SECOND, Traffic};
use crate::lab::conversation::Asked;
use crate::lab::findings::Findings;
use crate::lab::flow::FlowId;
use crate::lab::interrupt;
use crate::lab::requests::{Ask, Expected, Family, Page, Request, row};
use crate::lab::router::Router;
use crate::lab::trial::Trial;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "reload",
    about: "two policies in turn: what both block stays blocked, packet by packet",
    names: || NAMES.to_vec(),
    play,
};

const NAMES: [&str; 4] = [BOTH, FIRST, SECOND, NONE];

/// How often the policy changes; even, so that the policy of the start is that of the end.
const CHANGES: usize = 24;
/// How often the requests that both policies block can be made meanwhile.
const ROUNDS: usize = 30;
/// How long `ndpi-xdp` may take to say that a policy is wrong.
const SAYING: std::time::Duration = std::time::Duration::from_secs(10);

fn play(scene: &Scene, findings: &mut Findings) -> Result<()> {
    let stage = scene.stage;
    let bare = stage.ask(&requests())?;
    let mut file = Changing::new(scene, &policy(SECOND))?;
    let router = stage.router(&file.path())?;
    let traffic = Traffic::start(stage, &router)?;
    findings.check("the policy of the start is in force", traffic.shows(false)?, "");
    let before = (traffic.both_arrived()?, traffic.both_asked());
    let asked = while_asking(scene, || change_often(&mut file, &router, &traffic, findings))?;
    mistake(&mut file, &router, &traffic, findings)?;
    traffic.check_downloads(findings)?;
    let (leaked, questions) = (traffic.both_arrived()? - before.0, traffic.both_asked() - before.1);
    let seen = format!("{leaked} packets, of {questions} questions");
    findings.check("nothing arrives of flows that both block", leaked == 0, seen);
    findings.figure("changes", CHANGES);
    findings.figure("questions", questions);
    // As long as it is blocked: the servers go on sending for minutes, and then all passes again.
    let flows = traffic.end().into_iter().chain(asked.iter().map(|one| one.flow));
    let counted = |flow: FlowId| Ok((flow, stage.arrived(&flow)?));
    let arrived = flows.map(counted).collect::<Result<Vec<_>>>()?;
    let records = router.end()?;
    for (flow, arrived) in &arrived {
        check_record(flow, *arrived, &records, findings)?;
    }
    let rounds = asked.len() / bare.len();
    let bare = std::iter::repeat_n(bare, rounds).flatten().collect();
    findings.trials(&Trial::all(&requests().repeat(rounds), bare, asked, &records), true);
    Ok(())
}

/// Changes from the second policy to the first and back, in every way.
fn change_often(
    file: &mut Changing,
    router: &Router,
    traffic: &Traffic,
    findings: &mut Findings,
) -> Result<()> {
    let ways = WAYS.iter().flat_map(|way| [*way; 2]).cycle();
    for (change, way) in ways.take(CHANGES).enumerate() {
        let first = change % 2 == 0;
        let reply = file.change(way, &policy(if first { FIRST } else { SECOND }), router)?;
        if let Some(reply) = reply {
            check_reply(change, first, &reply, traffic, findings)?;
        }
        let what = if first { "first" } else { "second" };
        findings.check(
            format!("change {change}, by {way:?}: the {what} policy comes into force"),
            traffic.shows(first)?,
            "",
        );
        if first && change + 2 >= CHANGES {
            let more = traffic.first_downloads_meanwhile()?;
            let seen = format!("{more} bytes more");
            findings.check("a download under way stops when it is blocked", more == 0, seen);
        }
    }
    Ok(())
}

/// Once the command has returned, nothing of what is blocked now may arrive.
fn check_reply(
    change: usize,
    first: bool,
    reply: &Reply,
    traffic: &Traffic,
    findings: &mut Findings,
) -> Result<()> {
    let Reply { success, record } = reply;
    let taken = *success && record["taken"] == true && record["changed"].as_u64() > Some(0);
    findings.check(format!("change {change}: the command says what came of it"), taken, record);
    let before = traffic.one_arrived(first)?;
    traffic.wait_for_questions()?;
    let more = traffic.one_arrived(first)? - before;
    findings.check(
        format!("change {change}: when the command returns, what is blocked now has stopped"),
        more == 0,
        format!("{more} packets more"),
    );
    Ok(())
}

/// A policy that cannot be used leaves the one before in force.
fn mistake(
    file: &mut Changing,
    router: &Router,
    traffic: &Traffic,
    findings: &mut Findings,
) -> Result<()> {
    let told = |router: &Router| router.said().matches("stays in force").count();
    for way in WAYS {
        let before = told(router);
        let reply = file.change(way, &policy(FIRST).replace("host", "hots"), router)?;
        if let Some(Reply { success, record }) = reply {
            let refused = !success && record["taken"] == false && record["problems"].is_array();
            findings.check("the command says why a policy is not taken", refused, record);
        }
        let said = interrupt::until(SAYING, || Ok(told(router) > before))?;
        findings.check(format!("by {way:?}: a mistake is told"), said, "");
        traffic.wait_for_questions()?;
        let held = traffic.shows(false)?;
        findings.check(format!("by {way:?}: after it the policy before is in force"), held, "");
    }
    Ok(())
}

/// Does `task` while a client makes the requests that both policies block, round by round.
fn while_asking(scene: &Scene, task: impl FnOnce() -> Result<()>) -> Result<Vec<Asked>> {
    let client = scene.stage.client();
    let with_port = |request| Ok((request, scene.stage.port()?));
    let round = || requests().into_iter().map(with_port).collect::<Result<Vec<_>>>();
    let rounds = (0..ROUNDS).map(|_| round()).collect::<Result<Vec<_>>>()?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = Vec::new();
            for round in rounds.iter().take_while(|_| !done.load(Ordering::Relaxed)) {
                asked.extend(client.ask_together(round)?);
            }
            Ok(asked)
        });
        let did = task();
        done.store(true, Ordering::Relaxed);
        let asked = asking.join().map_err(|_| anyhow!("the client panicked"))?;
        did.and(asked)
    })
}

/// What the record of a blocked flow says of its leak must be what the ends of the network counted.
/// They count several segments that come as one packet as one.
fn check_record(
    flow: &FlowId,
    arrived: u64,
    records: &[Value],
    findings: &mut Findings,
) -> Result<()> {
    let fits = |record: &&Value| record["type"] == "flow" && flow.is_of(record);
    let record = records.iter().find(fits).context("no record of a blocked flow")?;
    let leaked = record["leaked"].as_u64();
    let agree = if flow.proto == 17 { leaked == Some(arrived) } else { leaked >= Some(arrived) };
    let (proto, port) = (flow.proto, flow.client.1.unwrap_or_default());
    findings.check(
        format!("protocol {proto}, port {port}: what leaked is what arrived at its ends"),
        agree,
        format!("leaked {}, arrived {arrived}", record["leaked"]),
    );
    Ok(())
}

fn requests() -> Vec<Request> {
    [(Ask::Https(Page::Small), Family::V4), (Ask::Http(Page::Small), Family::V6)]
        .map(|(ask, family)| row(ask, BOTH, family, Expected::Blocked))
        .into()
}

/// Blocks one name, and the one that both policies block. Their rules are not in the same places.
fn policy(name: &str) -> String {
    let rule =
        |name: &str| format!("[[rule]]\nname = \"{name}\"\nhost = \"{name}\"\naction = \"drop\"\n");
    let rules = if name == FIRST { [rule(name), rule(BOTH)] } else { [rule(BOTH), rule(name)] };
    format!("default = \"count\"\n{}", rules.concat())
}
