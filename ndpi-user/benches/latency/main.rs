//! Time to verdict of real TLS hellos: at rest, at a flow a millisecond, and beside floods.
//!
//! `cargo xtask bench latency` builds the program and starts this. Needs root.

mod clients;
mod flood;
mod flows;
mod hello;
mod lane;
mod place;
mod program;
mod report;

#[path = "../wakeups/measure.rs"]
#[expect(dead_code, reason = "that bench looks at more than how long it takes")]
mod measure;

#[path = "../options.rs"]
mod options;

use std::error::Error;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use testkit::bench::ended;

use clients::Clients;
use flood::{Flood, Kind};
use lane::Lane;
use measure::Case;
use options::Common;
use place::Place;
use program::Parts;

/// Measure how long it takes from a packet to the verdict that it leads to.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    common: Common,
    /// Seconds of each lane.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Packets a second of floods.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 150_000])]
    rates: Vec<u32>,
    /// Only lanes whose names begin like this.
    #[arg(long)]
    lane: Option<String>,
    /// Options for `ndpi-xdp run`, separated by white space.
    #[arg(long = "options", default_value = "", allow_hyphen_values = true)]
    more: String,
    /// Measure instead how many new flows a second are decided by so many workers.
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["rates", "lane"])]
    flows_by: Vec<u32>,
}

/// The longest that a flood lasts, whatever else happens.
const LONGEST_FLOOD: Duration = Duration::from_mins(1);
/// Tables that a flood fills at once.
const SMALL: &str = "--max-flows 8192 --max-undecided 4096";

fn main() -> ExitCode {
    ended(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (program, library) = (&*options.common.program, &*options.common.library);
    let parts = Parts { program, library, folder: folder.path(), keeps: false };
    let place = Place::new()?;
    if !options.flows_by.is_empty() {
        let (wanted, more) = ((&*options.flows_by, options.seconds), words(&options.more));
        return flows::run(parts, &place, wanted, &more.collect::<Vec<_>>(), options.common.json);
    }
    reference(options)?;
    for lane in lanes(options) {
        if options.lane.as_ref().is_none_or(|wanted| lane.name.starts_with(wanted)) {
            report::print(&lane, &lane.run(parts, &place)?, options.common.json);
        }
    }
    Ok(())
}

/// What it takes at least: waking the reader of a ring for a packet now and then.
fn reference(options: &Options) -> Result<(), Box<dyn Error>> {
    let (case, lasts) =
        (Case { rate: 100, pause: Duration::ZERO }, Duration::from_secs(options.seconds.into()));
    // It keeps to one CPU. What this thread starts later is to use all of them.
    let measured = thread::scope(|scope| {
        let measuring =
            scope.spawn(|| measure::measure(case, lasts).map_err(|error| error.to_string()));
        measuring.join()
    });
    let figures = measured.map_err(|_| "the measurement panicked")??;
    report::wake_up(&figures.latencies, options.common.json);
    Ok(())
}

fn lanes(options: &Options) -> Vec<Lane> {
    let seconds = options.seconds;
    let clients = |every_ms: u32, exchange| Clients {
        count: seconds * 1000 / every_ms,
        every: Duration::from_millis(every_ms.into()),
        exchange,
    };
    let lane = |name: String, clients, flood, tables: &str| Lane {
        name,
        clients,
        flood,
        options: [tables, &options.more].iter().flat_map(|it| words(it)).collect(),
    };
    let mut lanes = vec![
        lane("idle".into(), clients(50, true), None, ""),
        lane("steady".into(), clients(1, false), None, ""),
    ];
    for (kind, what) in [(Kind::Syn, "flood"), (Kind::Udp, "udp-flood")] {
        for &rate in &options.rates {
            for (tables, which) in [(SMALL, "small"), ("", "default")] {
                let flood = Some(Flood { kind, rate, longest: LONGEST_FLOOD });
                let name = format!("{what}, {}k/s, {which} tables", rate / 1000);
                lanes.push(lane(name, clients(20, true), flood, tables));
            }
        }
    }
    lanes
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().map(str::to_owned)
}
