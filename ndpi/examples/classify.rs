//! Prints what nDPI recognises in each flow of a capture (pcap or pcapng):
//!
//! ```sh
//! cargo run --package ndpi --example classify -- FILE
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use ndpi::Library;
use ndpi_capture::Capture;
use ndpi_capture::link::{self, Tunnels};

fn main() -> Result<()> {
    let file: PathBuf = std::env::args_os().nth(1).context("usage: classify FILE")?.into();
    // NDPI_LIBRARY names the library; else it is searched for where the system keeps libraries.
    let engine = Library::load(None)?.engine().build()?;
    let mut flows = BTreeMap::new();
    let mut capture = Capture::open(&file)?;
    while let Some(packet) = capture.next_packet()? {
        // An error says why a packet has no flow: it is ARP, a later fragment, cut short, …
        let Ok(decoded) = link::decode(&packet, &Tunnels::all(false)) else { continue };
        let flow = flows.entry(decoded.packet().key).or_insert_with(|| engine.flow());
        flow.process(decoded.l3(), packet.time_ns / 1_000_000);
    }
    for (key, flow) in &mut flows {
        if !flow.classification().state.is_final() {
            // No more packets will come: nDPI guesses from ports, addresses and what it saw before.
            flow.give_up();
        }
        let found = flow.classification();
        let ((a, a_port), (b, b_port)) = (key.lower(), key.upper());
        let (app, category) = (engine.app_name(found.app), engine.category_name(found.category));
        let host = flow.hostname().unwrap_or_default();
        println!("{a} port {a_port}, {b} port {b_port}: {app} ({category}) {host}");
    }
    Ok(())
}
