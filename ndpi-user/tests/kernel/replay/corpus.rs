//! The whole corpus through the kernel, under a policy that drops some categories: the flows are
//! those of the reference, and exactly the packets are dropped that should be.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;
use testkit::flow_records::{FlowKey, flow_key};
use testkit::program::{Run, file, subcommand};
use testkit::reference::{self, Reference};

use crate::replay::setup::can_replay;

/// What is dropped.
const CATEGORIES: [&str; 6] = ["Web", "SocialNetwork", "Video", "Streaming", "Media", "Chat"];

/// The fields that must agree, each on this many of a thousand flows. What differs in the corpus:
/// two fuzzed packets whose EtherType contradicts the IP version, which no kernel takes for IP; and
/// ICMP errors, which the kernel counts to the flow that they quote if that has a verdict, while the
/// reference makes flows of them.
const FIELDS: [&str; 5] = ["app", "category", "state", "inspected", "hostname"];
const MUST_AGREE: usize = 995;

/// The VLAN, and what tells flows apart within it.
type Key = (u64, FlowKey);

/// What a record tells of a packet of a flow.
#[derive(Deserialize)]
struct Packet {
    number: u64,
    action: String,
    decided: Option<Value>,
}

/// The records of all captures.
struct Replayed {
    /// Flows with the same key are in the order of their times.
    flows: Vec<Value>,
    packets: BTreeMap<Key, Vec<Packet>>,
    /// Actions of the packets of no flow.
    others: Vec<Value>,
}

/// All captures as wholes, replayed once for all tests; `None` where that cannot be done here.
fn wholes() -> Option<&'static Replayed> {
    static ONCE: OnceLock<Option<Replayed>> = OnceLock::new();
    ONCE.get_or_init(|| replay_all(&["--whole-capture"])).as_ref()
}

fn replay_all(view: &[&str]) -> Option<Replayed> {
    let folder = reference::folder()?;
    if !can_replay() {
        return None;
    }
    let rule = format!("[[rule]]\nflow_category = {CATEGORIES:?}\naction = \"drop\"\n");
    let policy = file("replay-corpus", "policy.toml", rule.as_bytes());
    let captures = reference::read(&folder);
    let paths = captures.keys().map(|name| folder.join("captures").join(name));
    let paths: Vec<_> = paths.map(|path| path.display().to_string()).collect();
    // The reference has been given packets as they come.
    let book = ["--normalise", "off"];
    let common = ["--json", "--packets", "--max-flows", "8192", "--policy", &policy];
    let common = [&book[..], &common].concat();
    let arguments = view.iter().copied().chain(common).chain(paths.iter().map(String::as_str));
    Some(Replayed::of(&subcommand("replay", &arguments.collect::<Vec<_>>(), &[])))
}

impl Replayed {
    fn of(run: &Run) -> Self {
        // One of the captures is cut.
        assert!(matches!(run.code, Some(0 | 1)), "{}", run.stderr);
        let mut this = Self { flows: Vec::new(), packets: BTreeMap::new(), others: Vec::new() };
        for line in run.stdout.lines() {
            let record: Value = serde_json::from_str(line).expect("a JSON record a line");
            match record["type"].as_str() {
                Some("flow") => this.flows.push(record),
                Some("packet") if record["src"].is_string() => {
                    let packets = this.packets.entry(key(&record)).or_default();
                    packets.push(Packet::deserialize(record).expect("a packet"));
                }
                Some("packet") => this.others.push(record["action"].clone()),
                _ => {}
            }
        }
        this
    }
}

#[test]
fn flows_are_those_of_the_reference() {
    let (Some(folder), Some(replayed)) = (reference::folder(), wholes()) else { return };
    let mut ours = BTreeMap::<_, Vec<&Value>>::new();
    for flow in &replayed.flows {
        ours.entry(key(flow)).or_default().push(flow);
    }
    let (mut flows, mut agree) = (0, BTreeMap::<&str, usize>::new());
    for flow in reference::read(&folder).values().flat_map(Reference::values) {
        flows += 1;
        let found = ours.get_mut(&key(&flow)).and_then(Vec::pop);
        let equal = |field: &&str| found.is_some_and(|found| found[*field] == flow[*field]);
        let (equal, different): (Vec<&str>, Vec<_>) = FIELDS.into_iter().partition(equal);
        for field in equal {
            *agree.entry(field).or_default() += 1;
        }
        if !different.is_empty() {
            eprintln!("{different:?} differ\n  want {flow}\n  have {found:?}");
        }
    }
    assert!(flows > 0, "the reference has flows");
    for field in FIELDS {
        let equal = agree.get(field).copied().unwrap_or_default();
        eprintln!("{field}: {equal} of {flows} flows agree");
        assert!(equal * 1000 >= flows * MUST_AGREE, "{field}: {equal} of {flows} flows agree");
    }
}

#[test]
fn blocked_flows_are_dropped_from_the_deciding_packet_on_and_nothing_else_is() {
    let Some(replayed) = wholes() else { return };
    check_packets(replayed);
    assert_eq!(replayed.flows.len(), replayed.packets.len(), "each key is one flow");
}

#[test]
fn that_holds_for_flows_that_end_and_begin_again_too() {
    let Some(replayed) = replay_all(&[]) else { return };
    check_packets(&replayed);
    assert!(replayed.flows.len() > replayed.packets.len(), "some keys are more than one flow");
}

/// Checks the outcome of every packet of every flow.
fn check_packets(replayed: &Replayed) {
    let (mut blocked, mut dropped) = (0, 0);
    let mut left: BTreeMap<_, &[Packet]> =
        replayed.packets.iter().map(|(key, packets)| (key, &packets[..])).collect();
    for flow in &replayed.flows {
        let rest = left.get_mut(&key(flow)).expect("a flow has packets");
        let count = usize::try_from(flow["packets"].as_u64().unwrap()).unwrap();
        let packets = rest.split_off(..count).expect("a flow has as many packets as it says");
        let passed = passed(flow, packets);
        let wanted = (0..packets.len()).map(|at| if at < passed { "pass" } else { "drop" });
        let actions = packets.iter().map(|packet| packet.action.as_str());
        assert!(actions.eq(wanted), "from packet {}: {flow}", packets[0].number);
        if flow["action"] == "drop" {
            assert_eq!(flow["leaked"], passed, "{flow}");
            assert_eq!(flow["dropped"], packets.len() - passed, "{flow}");
            blocked += usize::from(passed < packets.len());
            dropped += packets.len() - passed;
        }
    }
    assert!(left.values().all(|rest| rest.is_empty()), "every packet is in a flow's count");
    assert!(replayed.others.iter().all(|action| action != "drop"), "of no flow, but dropped");
    eprintln!("{} flows, {blocked} blocked: {dropped} packets dropped", replayed.flows.len());
    assert!(blocked > 0, "the corpus has flows of the categories that are dropped");
}

/// How many packets of a flow should have passed: all, or those up to the one that decided it.
fn passed(flow: &Value, packets: &[Packet]) -> usize {
    let is_of_them = CATEGORIES.iter().any(|category| flow["category"] == **category);
    assert_eq!(flow["action"], if is_of_them { "drop" } else { "count" }, "{flow}");
    let decided = packets.iter().position(|packet| packet.decided.is_some());
    match decided {
        Some(at) if is_of_them => at + 1,
        // Of another category, or over before nDPI was done.
        _ => packets.len(),
    }
}

fn key(record: &Value) -> Key {
    (record["vlan"].as_u64().expect("vlan"), flow_key(record))
}
