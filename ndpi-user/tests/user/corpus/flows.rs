//! Reader, link layers and parser against the corpus, without nDPI: which flows there are, their
//! packets and bytes, and how many packets belong to none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

use ndpi_capture::Capture;
use ndpi_capture::link::{self, Skips};
use testkit::reference::{self, Reference};

/// VLAN, protocol, and both endpoints in order.
type Key = (u16, u8, (IpAddr, u16), (IpAddr, u16));
/// Packets and bytes by flow.
type Flows = BTreeMap<Key, (u64, u64)>;

/// Of a thousand flows, how many may differ. What does in the corpus: fuzzed packets whose
/// EtherType contradicts the IP version (the reference believes the version, a host neither), and
/// link types that the reference does not read.
const MAY_DIFFER: f64 = 1.0;

#[test]
fn flows_packets_bytes_and_skipped_are_those_of_the_reference() {
    let Some(folder) = reference::folder() else { return };
    let (mut flows_wanted, mut different, mut differences) = (0, 0, Vec::new());
    for (name, reference) in reference::read(&folder) {
        let (flows, skips) = read(&folder.join("captures").join(&name));
        let wanted = wanted(&reference);
        flows_wanted += wanted.len();
        different += wanted.iter().filter(|(key, want)| flows.get(key) != Some(want)).count();
        if flows != wanted || skips.total() != reference.skipped {
            differences.push(difference(&reference, &flows, &skips));
        }
    }
    eprintln!("{different} of {flows_wanted} flows differ\n{}", differences.join("\n"));
    assert!(flows_wanted > 0, "the reference has flows");
    assert!(different as f64 * 1000.0 <= MAY_DIFFER * flows_wanted as f64, "see above");
    let captures = reference::read(&folder).len();
    assert!(differences.len() * 100 <= captures, "skipped packets or extra flows, see above");
}

fn read(path: &Path) -> (Flows, Skips) {
    let (mut flows, mut skips) = (Flows::new(), Skips::default());
    let mut capture = Capture::open(path).expect("a capture of the corpus");
    while let Ok(Some(packet)) = capture.next_packet() {
        match link::decode(&packet, &link::Tunnels::all(false)) {
            Ok(decoded) => {
                let key = decoded.packet().key;
                let key = (key.vlan(), key.proto(), key.lower(), key.upper());
                let (packets, bytes) = flows.entry(key).or_default();
                *packets += 1;
                *bytes += decoded.l3().len() as u64;
            }
            Err(skip) => skips.count(skip),
        }
    }
    (flows, skips)
}

fn wanted(reference: &Reference) -> Flows {
    let mut flows = Flows::new();
    for flow in reference.flows() {
        let mut ends = [(flow.src, flow.sport), (flow.dst, flow.dport)];
        ends.sort();
        let key = (flow.vlan, flow.proto, ends[0], ends[1]);
        assert_eq!(flows.insert(key, (flow.packets, flow.bytes)), None, "{key:?} twice");
    }
    flows
}

fn difference(reference: &Reference, flows: &Flows, skips: &Skips) -> String {
    let wanted = wanted(reference);
    let mut text = format!(
        "{}: flows {} of {}, skipped {} of {}: {skips:?}",
        reference.capture,
        flows.len(),
        wanted.len(),
        skips.total(),
        reference.skipped
    );
    let keys: BTreeSet<&Key> = flows.keys().chain(wanted.keys()).collect();
    for key in keys.into_iter().filter(|key| flows.get(key) != wanted.get(key)).take(5) {
        let _ = write!(text, "\n  {key:?}: {:?}, wanted {:?}", flows.get(key), wanted.get(key));
    }
    text
}
