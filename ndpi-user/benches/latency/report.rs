//! The results, for people and for programs.

use serde_json::{Value, json};

use crate::lane::{Lane, Measured};

/// Stages in their order, as records call them.
const STAGES: [&str; 6] = ["ring", "queue", "inspect", "policy", "write", "all"];
const SHARES: [&str; 4] = ["p50_us", "p90_us", "p99_us", "max_us"];

pub(crate) fn print(lane: &Lane, measured: &Measured, json: bool) {
    if json { println!("{}", line(lane, measured)) } else { table(lane, measured) }
}

/// How long the reader of a ring takes to have a packet, at rest.
pub(crate) fn wake_up(sorted_ns: &[u64], json: bool) {
    let micros = |thousandths| at(sorted_ns, thousandths) as f64 / 1000.0;
    let [p50, p90, p99, max] = [500, 900, 990, 1000].map(micros);
    if json {
        let shares = json!({"p50_us": p50, "p90_us": p90, "p99_us": p99, "max_us": max});
        println!(
            "{}",
            json!({"lane": "ring wake-up", "count": sorted_ns.len(), "wake_up": shares})
        );
    } else {
        println!(
            "{:<16}{:>8} {:>10} {:>10} {:>10}",
            "microseconds", "median", "90 %", "99 %", "longest"
        );
        println!("{:<16}{p50:>8.0} {p90:>10.0} {p99:>10.0} {max:>10.0}", "ring wake-up");
    }
}

fn line(lane: &Lane, measured: &Measured) -> Value {
    let [p50, p90, p99, max] = of_clients(measured);
    let Counted { allowed, allowed_complete, blocked, blocked_complete } = count(measured);
    let stopped = &measured.stopped;
    json!({
        "lane": lane.name,
        "flows": measured.talks.len(),
        "verdicts": measured.latencies.len(),
        "latency": {"p50_us": p50, "p90_us": p90, "p99_us": p99, "max_us": max},
        "stages": stopped["time_to_verdict"],
        "allowed": allowed, "allowed_complete": allowed_complete,
        "blocked": blocked, "blocked_complete": blocked_complete,
        "flood_packets": measured.sent.packets,
        "flood_per_second": per_second(measured).round(),
        "flood_cpus": cpus(measured.sent.busy, measured.sent.lasted),
        "program_cpus": measured.machine.program,
        "cpus": measured.machine.cpus,
        "load": measured.machine.load,
        "left_out": stopped["left_out"].as_u64().unwrap_or(0),
        "without_room": without_room(stopped),
    })
}

fn table(lane: &Lane, measured: &Measured) {
    let (verdicts, flows) = (measured.latencies.len(), measured.talks.len());
    println!("\n{}: {verdicts} verdicts on {flows} flows", lane.name);
    for stage in STAGES {
        let times = &measured.stopped["time_to_verdict"][stage];
        let [median, ninety, most, longest] =
            SHARES.map(|share| times[share].as_f64().unwrap_or_default());
        println!("  {stage:<14}{median:>8.0} {ninety:>10.0} {most:>10.0} {longest:>10.0}");
    }
    // Some of a flood's packets are decided, too: the stages are of all verdicts.
    let [median, ninety, most, longest] = of_clients(measured);
    println!("  {:<14}{median:>8} {ninety:>10} {most:>10} {longest:>10}", "clients' own");
    if lane.clients.exchange {
        let Counted { allowed, allowed_complete, blocked, blocked_complete } = count(measured);
        println!(
            "  exchanges that came to their end: {blocked_complete} of {blocked} that are to be \
             blocked, {allowed_complete} of {allowed} others"
        );
    }
    if lane.flood.is_some() {
        println!(
            "  flood: {:.0} packets/s, {:.2} CPUs; not given to nDPI: {} left out, {} without room in \
             the rings",
            per_second(measured),
            cpus(measured.sent.busy, measured.sent.lasted),
            measured.stopped["left_out"].as_u64().unwrap_or(0),
            without_room(&measured.stopped),
        );
    }
    let machine = &measured.machine;
    println!(
        "  ndpi-xdp used {:.2} of {} CPUs; load average before: {:.2}",
        machine.program, machine.cpus, machine.load
    );
}

/// Microseconds from the packet to the verdict, of the flows of our clients: median, 90 %, 99 %, longest.
fn of_clients(measured: &Measured) -> [u64; 4] {
    [500, 900, 990, 1000].map(|thousandths| at(&measured.latencies, thousandths))
}

/// Exchanges, and how many of them came to their end.
#[derive(Clone, Copy, Default)]
struct Counted {
    allowed: usize,
    allowed_complete: usize,
    blocked: usize,
    blocked_complete: usize,
}

fn count(measured: &Measured) -> Counted {
    let of = |is_blocked, only_complete: bool| {
        let talks = measured.talks.iter().filter(|talk| talk.is_blocked == is_blocked);
        talks.filter(|talk| talk.is_complete || !only_complete).count()
    };
    Counted {
        allowed: of(false, false),
        allowed_complete: of(false, true),
        blocked: of(true, false),
        blocked_complete: of(true, true),
    }
}

/// Packets that no ring took, as it was full or its lock not to be had.
pub(crate) fn without_room(stopped: &Value) -> u64 {
    let rings = stopped["rings"].as_array().into_iter().flatten();
    rings.flat_map(|ring| ["full", "contended"].map(|why| ring[why].as_u64().unwrap_or(0))).sum()
}

fn per_second(measured: &Measured) -> f64 {
    let seconds = measured.sent.lasted.as_secs_f64();
    if seconds > 0.0 { measured.sent.packets as f64 / seconds } else { 0.0 }
}

fn cpus(busy: std::time::Duration, lasted: std::time::Duration) -> f64 {
    if lasted.is_zero() { 0.0 } else { busy.as_secs_f64() / lasted.as_secs_f64() }
}

/// What so many thousandths of the sorted values are not above.
fn at(sorted: &[u64], thousandths: usize) -> u64 {
    let rank = (sorted.len() * thousandths).div_ceil(1000).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}
