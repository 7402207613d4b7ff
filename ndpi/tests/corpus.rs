//! Real traffic: nDPI's own test captures, where they are at hand.

#[path = "../examples/capture/mod.rs"]
mod capture;
mod common;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use capture::FlowKey;
use common::engine;
use common::guarded::Guarded;
use ndpi::{Engine, Flow, Hints, State};

/// Captures in `NDPI_CORPUS`, or `../shared/corpus` beside the checkout.
fn captures() -> Option<PathBuf> {
    let named = std::env::var_os("NDPI_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let captures = named.unwrap_or(beside).join("captures");
    if captures.is_dir() {
        return Some(captures);
    }
    // Not in the repository, so CI cannot be asked to have them.
    eprintln!("skipped: no captures at {}; set NDPI_CORPUS", captures.display());
    None
}

/// A packet of a flow (from 1), and the state and application that came with it.
type Step = (usize, State, String);

/// The steps of each flow of a capture. Flows are in the order of their first packets, and fed
/// until they are classified.
fn steps(engine: &Engine, capture: &Path) -> Vec<Vec<Step>> {
    let mut flows: Vec<(Flow<'_>, usize, Vec<Step>)> = Vec::new();
    let mut places: HashMap<FlowKey, usize> = HashMap::new();
    for packet in capture::packets(capture).expect("a capture that can be read") {
        let place = *places.entry(packet.flow).or_insert_with(|| {
            flows.push((engine.flow(), 0, Vec::new()));
            flows.len() - 1
        });
        let (flow, seen, steps) = &mut flows[place];
        if flow.classification().state == State::Classified {
            continue;
        }
        *seen += 1;
        let now = flow.process(&packet.l3, packet.time_ms, Hints::default());
        let name = engine.app_name(now.app);
        if steps.last().is_none_or(|(_, state, app)| (*state, app) != (now.state, &name)) {
            steps.push((*seen, now.state, name));
        }
    }
    flows.into_iter().map(|(_, _, steps)| steps).collect()
}

/// The steps of the flows of a capture, as lines.
fn told(capture: &str) -> Option<Vec<Vec<String>>> {
    let (engine, captures) = (engine()?, captures()?);
    let line =
        |(packet, state, app): &(usize, State, String)| format!("{packet} {} {app}", state.name());
    let flows = steps(&engine, &captures.join(capture));
    Some(flows.iter().map(|steps| steps.iter().map(line).collect()).collect())
}

#[test]
fn youtube_over_quic_is_classified_by_one_packet() {
    let Some(flows) = told("youtube_quic.pcap") else { return };
    assert_eq!(flows[1], ["1 CLASSIFIED QUIC.YouTube"]);
}

#[test]
fn a_call_goes_from_stun_over_dtls_to_its_end() {
    let Some(flows) = told("stun_google_meet.pcapng") else { return };
    assert_eq!(
        flows[0],
        ["1 PARTIAL STUN", "3 PARTIAL STUN.GoogleCall", "7 CLASSIFIED STUN.GoogleCall"]
    );
    assert_eq!(
        flows[2],
        ["1 PARTIAL STUN.GoogleCall", "4 PARTIAL DTLS.GoogleCall", "17 CLASSIFIED DTLS.GoogleCall"]
    );
}

#[test]
fn tls_is_unknown_until_its_hello_and_final_with_the_certificate() {
    let Some(flows) = told("facebook.pcap") else { return };
    let hello = ["1 INSPECTING Unknown", "4 PARTIAL TLS.Facebook"];
    assert_eq!(flows[0], [&hello[..], &["10 CLASSIFIED TLS.Facebook"]].concat());
    assert_eq!(flows[1], [&hello[..], &["6 CLASSIFIED TLS.Facebook"]].concat());

    let Some(flows) = told("google_meet.pcapng") else { return };
    assert_eq!(flows[0][1..], ["4 PARTIAL TLS.GoogleMeet", "6 CLASSIFIED TLS.GoogleMeet"]);
    assert_eq!(flows[1], ["1 CLASSIFIED QUIC.GoogleMeet"]);
}

/// Every capture, every packet: what is read from the flow is what the call returned, nothing is
/// written to a packet or read behind it, and metadata and JSON can be had at any time.
#[test]
fn the_whole_corpus_goes_through() {
    let (Some(engine), Some(captures)) = (engine(), captures()) else { return };
    let mut room = Guarded::new();
    let mut packets = 0;
    for entry in std::fs::read_dir(captures).unwrap() {
        let path = entry.unwrap().path();
        // One of them ends in the middle of a packet.
        let Ok(capture) = capture::packets(&path) else { continue };
        packets += capture.len();
        let mut flows: HashMap<FlowKey, Flow<'_>> = HashMap::new();
        for packet in &capture {
            let flow = flows.entry(packet.flow).or_insert_with(|| engine.flow());
            let held = room.hold(&packet.l3);
            let said = flow.process(held, packet.time_ms, Hints::default());
            assert_eq!(said, flow.classification(), "{}: {}", path.display(), packet.flow);
            assert_eq!(flow.metadata().hostname.as_deref(), flow.hostname().as_deref());
        }
        for (key, mut flow) in flows {
            let said = flow.give_up();
            assert!(said.state.is_final(), "{}: {key}", path.display());
            assert_eq!(said, flow.classification(), "{}: {key}", path.display());
            let json = flow.json().unwrap();
            let json: serde_json::Value = serde_json::from_str(&json).expect(&json);
            assert!(json["ndpi"]["proto"].is_string(), "{json}");
        }
    }
    assert!(packets > 0, "there are captures");
}
