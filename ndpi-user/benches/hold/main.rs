//! Pages where the answers of servers are held back: what one takes, and what arrives of one that is blocked.
//!
//! `cargo xtask bench hold` builds the program and starts this. Needs root.

mod delay_line;
mod page;
mod place;
mod program;

#[path = "../options.rs"]
mod options;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use testkit::bench::ended;

use options::Common;
use page::fetch;
use place::Place;
use program::Program;

/// Measure what a page takes where answers are held back.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    common: Common,
    /// Pages of each kind and round-trip time.
    #[arg(long, default_value_t = 20)]
    pages: usize,
    /// Round-trip times in milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 20, 100])]
    round_trips: Vec<u64>,
}

const BLOCKED: &str = "www.facebook.com";
const ALLOWED: &str = "www.example.com";

/// A rule that blocks, by itself and as one that decides early.
const LATE: &str = "[[rule]]\napp = \"Facebook\"\naction = \"drop\"\n";
const EARLY: &str = "[[rule]]\napp = \"Facebook\"\naction = \"drop\"\nstate = \"partial\"\n";
/// One that lets the rest pass as early.
const REST: &str = "[[rule]]\napp = \"TLS\"\naction = \"count\"\nstate = \"partial\"\n";
const HOLD: &str = "hold = true\n";

/// What is compared.
const POLICIES: [(&str, &[&str]); 5] = [
    ("rule", &[LATE]),
    ("early rule", &[EARLY]),
    ("rule, hold", &[HOLD, LATE]),
    ("early rule, hold", &[HOLD, EARLY]),
    ("early rules, hold", &[HOLD, EARLY, REST]),
];

fn main() -> ExitCode {
    ended(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let place = Place::new()?;
    page::serve(&place)?;
    if !options.common.json {
        println!("{:<22}{:>12}{:>16}{:>16}", "", "round trip", "page (median)", "blocked bytes");
    }
    for &round_trip in &options.round_trips {
        let _wire = place.wire(Duration::from_millis(round_trip))?;
        for (name, rules) in POLICIES {
            let program = Program::start(options, &place, folder.path(), &rules.concat())?;
            let measured = measure(&place, options.pages)?;
            program.end()?;
            report(options.common.json, (name, round_trip), &measured);
        }
    }
    Ok(())
}

/// Of pages that pass, milliseconds from the first packet to the last byte, sorted; of one that is blocked, the most
/// bytes that arrived.
struct Measured {
    took_ms: Vec<f64>,
    blocked: usize,
}

fn measure(place: &Place, pages: usize) -> Result<Measured, Box<dyn Error>> {
    // The first one has to find out where the other end is.
    fetch(place, ALLOWED, false)?;
    let mut measured = Measured { took_ms: Vec::new(), blocked: 0 };
    for number in 0..pages {
        measured.took_ms.push(fetch(place, ALLOWED, false)?.took.as_secs_f64() * 1000.0);
        // Of which less would do: nothing is timed.
        if number % 4 == 0 {
            measured.blocked = measured.blocked.max(fetch(place, BLOCKED, true)?.arrived);
        }
    }
    measured.took_ms.sort_by(f64::total_cmp);
    Ok(measured)
}

fn report(as_json: bool, (policy, round_trip): (&str, u64), measured: &Measured) {
    let took = &measured.took_ms;
    let (median, longest) = (took[took.len() / 2], took[took.len() - 1]);
    if as_json {
        let times = json!({"median": median, "max": longest});
        let lane = json!({"policy": policy, "round_trip_ms": round_trip});
        println!("{}", json!({"lane": lane, "page_ms": times, "blocked_bytes": measured.blocked}));
    } else {
        let blocked = measured.blocked;
        println!("{policy:<22}{round_trip:>9} ms{median:>13.1} ms{blocked:>16}");
    }
}
