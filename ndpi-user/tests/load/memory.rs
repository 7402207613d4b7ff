//! `run --memory-max` beside floods that would take much more: memory stays below it, what is blocked stays blocked,
//! and afterwards all is as before.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use testkit::instance::Instance;
use testkit::metrics::{self, ADDRESS};
use testkit::pair::{NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::tcp::{Connection, flags};
use testkit::{family, memory, wait_until};

use crate::floods::{DNS, NTP, POLICY, QUERY, RawSocket, Talk, arriving, decided, request, server};
use crate::try_flood;

const MIB: u64 = 1 << 20;
const UDP: u8 = 17;

/// Bytes of all of its processes.
fn taken(instance: &Instance) -> u64 {
    let family = family::of(instance.pid()).unwrap();
    family.into_iter().filter_map(memory::proportional).sum()
}

/// Starts with so much memory.
fn start(pair: &Pair, limit: u64) -> Instance {
    let policy = pair.sandbox.file("policy.toml", POLICY);
    pair.sandbox.ip("link set lo up");
    pair.sandbox.start(&format!(
        "run --iface left --json --sweep 1 --ring-size 1048576 --workers 2 --memory-max {limit} --metrics {ADDRESS} \
         --policy {}",
        policy.display()
    ))
}

/// The least limit with which it starts, as it says where it is given less.
fn least(pair: &Pair) -> u64 {
    let policy = pair.sandbox.file("policy.toml", POLICY);
    let run = pair.sandbox.run(&format!(
        "run --iface left --ring-size 1048576 --workers 2 --memory-max 1MiB --policy {}",
        policy.display()
    ));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let least =
        run.stderr.split_once("and needs ").unwrap().1.split_once("MiB at least").unwrap().0;
    least.parse::<u64>().unwrap() * MIB
}

/// Sends what nDPI makes nothing of, each from another client: half of it over UDP, and half on connections that end with
/// it, and are over ten seconds later.
fn flood(pair: &Pair, numbers: Range<u32>) {
    let target = NEAR.parse().unwrap();
    pair.far(|| {
        let socket = RawSocket::new();
        for number in numbers {
            let [a, b, c, _] = (number << 8).to_be_bytes();
            let connection = Connection {
                addresses: [Ipv4Addr::new(198, 19, b, c), target],
                ..Connection::new(2000 + u16::from(a), 9999)
            };
            let mut segment = connection.data(0, &[0xa5; 400]);
            segment.flags = flags::RST | flags::ACK;
            let mut packet = segment.l3();
            if number.is_multiple_of(2) {
                // The port of a connection is where that of a datagram is; its length and checksum are there (RFC 768).
                packet[9] = UDP;
                let length = u16::try_from(packet.len() - 20).unwrap();
                packet[24..28].copy_from_slice(&[length.to_be_bytes(), [0; 2]].concat());
            }
            socket.send(&packet);
            if number.is_multiple_of(64) {
                thread::sleep(Duration::from_millis(4));
            }
        }
    });
}

#[test]
fn memory_stays_below_its_limit_and_all_is_as_before_after_a_flood() {
    try_flood(&PROGRAMS, keep_to_a_limit);
}

fn keep_to_a_limit() {
    let pair = Pair::new();
    let limit = least(&pair);
    let (dns, ntp) = (server(&pair, DNS), server(&pair, NTP));
    let mut instance = start(&pair, limit);
    instance.wait_to_say("--memory-max leaves");
    let request = request();
    let allowed = Talk::new(&pair, 40_001, DNS, &dns);
    let blocked = Talk::new(&pair, 40_002, NTP, &ntp);
    assert!(allowed.arrives(QUERY) && blocked.arrives(&request));
    decided(&instance, 40_002);
    let before = taken(&instance);

    let mut most = before;
    for part in 0..8 {
        flood(&pair, part * 4096..(part + 1) * 4096);
        most = most.max(taken(&instance));
        assert!(arriving(&allowed, QUERY, 5) == 5 && allowed.is_answered(), "in part {part}");
        assert_eq!(arriving(&blocked, &request, 5), 0, "in part {part}");
    }
    assert!(most < limit, "{most} of {limit}");
    instance.wait_for(|it| it["state"] == "crowded" && it["table"] == "memory");
    let metric = |name: &str| metrics::metric(&pair.sandbox, name);
    assert!(metric("ndpi_xdp_shed_total{what=\"unanswered\"}") > 1000.0);
    // What is said is no less than what is taken.
    let [session, ndpi] =
        ["session", "ndpi"].map(|it| metric(&format!("ndpi_xdp_memory_bytes{{process=\"{it}\"}}")));
    let said = session + ndpi;
    assert!(said >= taken(&instance) as f64 * 0.95 && said < limit as f64, "{said}, {most}");
    assert!(metric("ndpi_xdp_memory_flows_bytes") > (most - before) as f64 / 2.0);
    assert!((metric("ndpi_xdp_memory_max_bytes") - limit as f64).abs() < 1.0);

    // What comes now is decided as ever, and what the flood has taken is given back.
    let (new, old) = (Talk::new(&pair, 41_001, DNS, &dns), Talk::new(&pair, 41_002, NTP, &ntp));
    assert!(arriving(&new, QUERY, 5) == 5 && new.is_answered());
    wait_until(|| !old.arrives(&request));
    wait_until(|| taken(&instance) < before + (most - before) * 2 / 3);
    instance.wait_for(|it| it["state"] == "eased" && it["table"] == "memory");
    assert!(arriving(&allowed, QUERY, 5) == 5 && arriving(&blocked, &request, 5) == 0);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}
