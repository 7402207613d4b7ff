//! Labels the flows of a capture, as `ndpi_example.py` of nDPI's Python bindings does:
//!
//! ```sh
//! cargo run --example classify -- [-u | --include-unknowns] FILE
//! ```

use std::collections::HashMap;
use std::error::Error;

use ndpi::{AppId, Classification, Engine, Flow, Hints, Library, State};

mod capture;

/// A flow, and what was counted of it.
struct Seen<'engine> {
    key: capture::FlowKey,
    flow: Flow<'engine>,
    packets: u64,
    bytes: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (options, files): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    let known = ["-u", "--include-unknowns"];
    if files.len() != 1 || options.iter().any(|option| !known.contains(&option.as_str())) {
        return Err("usage: classify [-u | --include-unknowns] FILE".into());
    }

    // The library is found by NDPI_LIBRARY, the loader, or beside the program.
    let library = Library::load(None)?;
    println!("Using nDPI {}", library.revision());
    let engine = library.engine().build()?;

    let mut flows: Vec<Seen> = Vec::new();
    let mut places = HashMap::new();
    for packet in capture::packets(files[0].as_ref())? {
        let place = *places.entry(packet.flow).or_insert_with(|| {
            flows.push(Seen { key: packet.flow, flow: engine.flow(), packets: 0, bytes: 0 });
            flows.len() - 1
        });
        let seen = &mut flows[place];
        seen.packets += 1;
        seen.bytes += packet.l3.len();
        // Once a flow is classified nothing more is to be learned, but asking costs next to nothing.
        seen.flow.process(&packet.l3, packet.time_ms, Hints::default());
    }

    let mut unknown = Vec::new();
    println!(" Detected flows:");
    for (index, seen) in flows.iter_mut().enumerate() {
        let mut found = seen.flow.classification();
        if found.state != State::Classified {
            // The capture ended first: guess from ports, addresses and what was seen before.
            found = seen.flow.give_up();
        }
        let line = line(&engine, index, seen, &found);
        if found.app == AppId::default() {
            unknown.push(line);
        } else {
            println!("{line}");
        }
    }
    if !options.is_empty() {
        println!(" Unknown flows:\n{}", unknown.join("\n"));
    }
    Ok(())
}

fn line(engine: &Engine, index: usize, seen: &Seen<'_>, found: &Classification) -> String {
    let app = engine.app_name(found.app);
    let category = engine.category_name(found.category);
    let confidence = found.confidence.name();
    let Seen { key, packets, bytes, .. } = seen;
    format!(
        "   {index} {key} [protocol:{app}] [category:{category}] [confidence:{confidence}] \
         [{packets} packets/{bytes} bytes]"
    )
}
