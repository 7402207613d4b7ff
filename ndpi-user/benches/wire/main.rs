//! Packets a second over a wire: veth pairs in a namespace of their own, live frames of one CPU at
//! one end, and at the other nothing, an empty XDP program, or `ndpi-xdp run`.
//!
//! `cargo xtask bench wire` builds the program and starts this. Needs root.

mod bulk;
mod generator;
mod lane;
mod link;
mod receiver;
mod report;

#[path = "../options.rs"]
mod options;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use bulk::{Bulk, Bulks};
use generator::{Generator, Traffic};
use lane::{Account, Lane};
use link::BenchNamespace;
use options::Common;
use receiver::{Ours, Receiver, wait_while_growing};
use testkit::bench::ended;
use testkit::bpf::code::{XDP_DROP, XDP_PASS};

/// Measure packets a second over veth.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    common: Common,
    /// How often everything is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of a round.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Decided flows, whose frames come in turn.
    #[arg(long, default_value_t = 10_000)]
    flows: u16,
}

fn main() -> ExitCode {
    ended(run(&Options::parse()))
}

fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let namespace = BenchNamespace::enter()?;
    let folder = tempfile::tempdir()?;
    let mut lanes = lanes(options, &namespace, folder.path())?;
    let parts = (&*options.common.program, &*options.common.library, folder.path());
    let mut bulks = Bulks::new(&namespace, parts)?;
    bulk(&mut bulks.all, options)?;
    testkit::cpu::stay_on_last()?;
    let time = Duration::from_secs_f64(options.seconds);
    // The first round only warms up.
    for round in 0..=options.rounds {
        for lane in &mut lanes {
            lane.round(time)?;
            if round == 0 {
                (lane.rates, lane.account) = (Vec::new(), Account::default());
            }
        }
    }
    lanes.iter_mut().try_for_each(Lane::end)?;
    let good = report::print(&lanes, options.common.json);
    bulk::print(&bulks.all, options.common.json);
    Ok(good)
}

/// Measures bulk TCP, the ways of receiving it in turn. The first round only warms up.
fn bulk(bulks: &mut [Bulk], options: &Options) -> Result<(), Box<dyn Error>> {
    let time = Duration::from_secs_f64(options.seconds);
    for round in 0..=options.rounds {
        for bulk in &mut *bulks {
            bulk.round(time)?;
            if round == 0 {
                bulk.forget();
            }
        }
    }
    bulks.iter_mut().try_for_each(Bulk::end)
}

/// One frame of so many opens a new flow where 95 % are of decided flows.
const NEW_EVERY: i32 = 20;

/// All that is measured, in the order of the table.
fn lanes(
    options: &Options,
    namespace: &BenchNamespace,
    folder: &Path,
) -> Result<Vec<Lane>, Box<dyn Error>> {
    let flows = i32::from(options.flows).max(NEW_EVERY) / NEW_EVERY * NEW_EVERY;
    let known = Traffic::Known(flows);
    let mixed = Traffic::Mixed { flows, new_every: NEW_EVERY };
    let mut lanes = Vec::new();
    let mut lane = |name, traffic, receiver: &dyn Fn(&link::Pair) -> Made| {
        let pair = namespace.pair(lanes.len() + 1)?;
        let receiver = receiver(&pair)?;
        let generator = Generator::new(&pair, traffic)?;
        let (rates, account) = (Vec::new(), Account::default());
        lanes.push(Lane { name, pair, generator, receiver, rates, account });
        Ok::<_, Box<dyn Error>>(())
    };
    let ours = |pair: &link::Pair| {
        Ours::start(&options.common.program, &options.common.library, (&pair.rx, "native"), folder)
            .map(|ours| Receiver::Ours(Box::new(ours)))
    };
    lane("nothing attached", known, &Receiver::nothing)?;
    lane("empty pass", known, &|pair| Receiver::answer(pair, XDP_PASS))?;
    lane("empty drop", known, &|pair| Receiver::answer(pair, XDP_DROP))?;
    lane("ours, decided", known, &ours)?;
    lane("ours, 95 % decided", mixed, &ours)?;
    lane("ours, all new", Traffic::New, &ours)?;
    lanes.iter_mut().try_for_each(decide)?;
    Ok(lanes)
}

type Made = Result<Receiver, Box<dyn Error>>;

/// Has nDPI decide the lane's flows, where it is ours.
fn decide(lane: &mut Lane) -> Result<(), Box<dyn Error>> {
    let Receiver::Ours(ours) = &mut lane.receiver else { return Ok(()) };
    let wanted = u64::try_from(lane.generator.traffic.known())?;
    if wanted == 0 {
        return Ok(());
    }
    let (decided, _) = wait_while_growing(wanted, || {
        ours.check()?;
        lane.generator.send(256)?;
        let drops = ours.maps.verdicts.entries().filter_map(Result::ok);
        Ok(drops.filter(|(_, verdict)| verdict.action == 1).count() as u64)
    })?;
    if decided < wanted {
        return Err(format!("{decided} of {wanted} flows were decided, and no more").into());
    }
    Ok(())
}
