//! Times nDPI alone on a capture: packets and their flows are found beforehand, and timed is
//! a loop with nothing in it but nDPI's calls. The lower bound for any program around nDPI.
//! Prints a line of JSON.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use ndpi::{Engine, Flow, Library, State};
use ndpi_capture::Capture;
use ndpi_capture::link;

/// A capture in memory, with the flow of each packet.
#[derive(Default)]
struct Loaded {
    bytes: Vec<u8>,
    packets: Vec<Loose>,
    flows: usize,
}

struct Loose {
    flow: usize,
    l3: Range<usize>,
    time_ms: u64,
}

pub(crate) fn run(capture: &Path) -> Result<()> {
    let loaded = load(capture)?;
    let engine = Library::load(None)?.engine().build()?;
    let took = classify(&engine, &loaded);
    let (packets, flows) = (loaded.packets.len(), loaded.flows);
    println!(r#"{{"packets":{packets},"flows":{flows},"seconds":{:.6}}}"#, took.as_secs_f64());
    Ok(())
}

fn load(path: &Path) -> Result<Loaded> {
    let (mut loaded, mut numbers) = (Loaded::default(), HashMap::new());
    let mut capture = Capture::open(path)?;
    while let Some(packet) = capture.next_packet()? {
        let Ok(decoded) = link::decode(&packet, &link::Tunnels::all(false)) else { continue };
        let next = numbers.len();
        let flow = *numbers.entry(decoded.packet().key).or_insert(next);
        let start = loaded.bytes.len();
        loaded.bytes.extend_from_slice(decoded.l3());
        let l3 = start..loaded.bytes.len();
        loaded.packets.push(Loose { flow, l3, time_ms: packet.time_ns / 1_000_000 });
    }
    loaded.flows = numbers.len();
    Ok(loaded)
}

/// Calls nDPI by the book: until CLASSIFIED, then the flow is freed; the others are given up.
fn classify(engine: &Engine, loaded: &Loaded) -> Duration {
    let mut flows: Vec<Option<Flow<&Engine>>> = Vec::with_capacity(loaded.flows);
    let start = Instant::now();
    for packet in &loaded.packets {
        if packet.flow == flows.len() {
            flows.push(Some(engine.flow()));
        }
        let Some(flow) = &mut flows[packet.flow] else { continue };
        let l3 = &loaded.bytes[packet.l3.clone()];
        if flow.process(l3, packet.time_ms).state == State::Classified {
            flows[packet.flow] = None;
        }
    }
    for flow in flows.iter_mut().flatten() {
        flow.give_up();
    }
    drop(flows);
    start.elapsed()
}
