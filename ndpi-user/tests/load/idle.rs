//! A million flows that say nothing any more: what they take, and what they cost others.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::param::clock_ticks_per_second;
use rustix::process::Signal;
use testkit::instance::Instance;
use testkit::metrics::{self, ADDRESS};
use testkit::pair::Pair;
use testkit::program::PROGRAMS;
use testkit::{family, memory, wait_until};

use crate::floods::{DNS, NTP, POLICY, QUERY, Talk, arriving, flood, request, server};
use crate::ready;

/// Flows of each of three kinds: allowed, blocked, and undecided.
const EACH: u32 = 340_000;
/// Packets a second that they begin with.
const RATE: u32 = 20_000;
/// How long they are left alone.
const QUIET: Duration = Duration::from_secs(30);
/// New connections beside them.
const NEW: u16 = 500;
const MIB: u64 = 1 << 20;

/// Bytes of all processes of an instance, and the processor's time that they have had.
fn taken(instance: &Instance) -> (u64, Duration) {
    let family = family::of(instance.pid()).unwrap();
    let bytes = family.iter().filter_map(|pid| memory::proportional(*pid)).sum();
    let ticks = family.iter().filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?)
    });
    (bytes, Duration::from_millis(ticks.sum::<u64>() * 1000 / clock_ticks_per_second()))
}

/// How many verdicts took at most how many seconds.
fn times(pair: &Pair) -> Vec<(f64, f64)> {
    let (_, text) = metrics::get(&pair.sandbox, "/metrics");
    let buckets = text.lines().filter_map(|line| {
        let line = line.strip_prefix("ndpi_xdp_time_to_verdict_seconds_bucket{le=\"")?;
        let (most, count) = line.split_once("\"} ")?;
        Some((most.parse().ok()?, count.parse().ok()?))
    });
    buckets.collect()
}

/// The seconds within which a part of the verdicts came that were made between two readings, rounded up to a bucket.
fn within(before: &[(f64, f64)], after: &[(f64, f64)], part: f64) -> f64 {
    let since: Vec<_> = before.iter().zip(after).map(|(b, a)| (a.0, a.1 - b.1)).collect();
    let all = since.last().expect("buckets").1;
    since.iter().find(|(_, count)| *count >= all * part).expect("the last has all").0
}

/// With a program that is compiled for speed, `NDPI_XDP_BINARY=target/release/ndpi-xdp`:
/// `cargo test -p ndpi-user --test load -- --ignored --nocapture idle`.
#[test]
#[ignore = "sends a million packets, for two minutes, and takes 2 GiB of memory"]
fn a_million_idle_flows_take_no_time_and_delay_nobody() {
    let Some(_cpus) = ready(&PROGRAMS) else { return };
    let pair = Pair::new();
    let (dns, ntp) = (server(&pair, DNS), server(&pair, NTP));
    let policy = pair.sandbox.file("policy.toml", POLICY);
    pair.sandbox.ip("link set lo up");
    let mut instance = pair.sandbox.start(&format!(
        "run --iface left --json --workers 2 --max-flows 1200000 --max-undecided 600000 --client-share 1 --metrics \
         {ADDRESS} --policy {}",
        policy.display()
    ));
    let request = request();
    let (empty, _) = taken(&instance);

    let began = Instant::now();
    for (content, port) in [(QUERY, DNS), (&request, NTP), (&[0xa5; 100], 9999)] {
        flood(&pair, 0..EACH, content, port, RATE);
    }
    println!("{} flows in {:.1} s", 3 * EACH, began.elapsed().as_secs_f64());
    let flows = || metrics::metric(&pair.sandbox, "ndpi_xdp_table_entries{table=\"flows\"}");
    wait_until(|| flows() >= 1_000_000.0);

    let (bytes, before) = taken(&instance);
    thread::sleep(QUIET);
    let (_, after) = taken(&instance);
    let busy = after.saturating_sub(before).as_secs_f64() / QUIET.as_secs_f64();
    let each = (bytes - empty) as f64 / flows();
    println!("{} MiB, {each:.0} bytes a flow; idle, {:.1} % of a CPU", bytes / MIB, busy * 100.0);
    assert!(each < 2500.0, "{each} bytes a flow");
    assert!(busy < 0.25, "{busy} of a CPU");

    // What the flows began with fills the sockets of their servers.
    for server in [&dns, &ntp] {
        while server.recv(&mut [0; 512]).is_ok() {}
    }
    let earlier = times(&pair);
    for number in 0..NEW {
        let new = Talk::new(&pair, 20_000 + number, DNS, &dns);
        assert!(arriving(&new, QUERY, 3) == 3 && new.is_answered(), "{number}");
        let blocked = Talk::new(&pair, 30_000 + number, NTP, &ntp);
        wait_until(|| !blocked.arrives(&request));
    }
    let later = times(&pair);
    let [half, most] = [0.5, 0.99].map(|part| within(&earlier, &later, part));
    println!("beside them, time to verdict: p50 ≤ {half} s, p99 ≤ {most} s");
    assert!(most <= 0.05, "{most}");
    assert!(flows() >= 1_000_000.0, "all were there all the time");
    let sweeps = |name| metrics::metric(&pair.sandbox, &format!("ndpi_xdp_sweep{name}"));
    let [count, last, longest] = ["s_total", "_last_seconds", "_longest_seconds"].map(sweeps);
    println!("{count} sweeps: the last in {last:.3} s, the longest in {longest:.3} s");
    // By default, there is one every five seconds.
    assert!(count >= 2.0 && last > 0.0 && longest < 2.0, "{count}, {last}, {longest}");

    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let stopped = instance.wait_for(|it| it["state"] == "stopped");
    let count = |name: &str| stopped[name].as_u64().unwrap();
    assert_eq!(count("seen"), count("passed") + count("dropped") + count("redirected"));
    assert!(count("seen") >= u64::from(3 * EACH), "{stopped}");
}
