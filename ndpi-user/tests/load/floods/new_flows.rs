//! New flows beyond what can be looked at: what is known already does not wait behind them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use testkit::flood;
use testkit::metrics::{self, ADDRESS};
use testkit::pair::{NEAR, Pair};

use super::{PROGRAMS, Raise};
use crate::try_flood;

/// The time within which an exchange is to be blocked while a flood goes on, however busy the machine
/// is. Before there was a bound on what waits, it was some seconds.
const SOON: Duration = Duration::from_millis(250);

/// How long the far end goes on with an exchange, byte by byte.
const LONGEST: Duration = Duration::from_secs(1);

/// Has the far end begin an exchange that is to be blocked and go on with it for as long as its words
/// arrive; returns for how long they did.
fn exchange(pair: &Pair, listener: &TcpListener) -> Duration {
    let to = listener.local_addr().unwrap();
    let mut client = pair.far(|| TcpStream::connect_timeout(&to, Duration::from_secs(10))).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.set_nodelay(true).unwrap();
    let quiet = Duration::from_millis(100);
    server.set_read_timeout(Some(quiet)).unwrap();
    let start = Instant::now();
    client.write_all(b"GET / HTTP/1.1\r\nHost: www.facebook.com\r\nX: ").unwrap();
    let (mut last, mut buffer) = (Duration::ZERO, [0; 1024]);
    while last < LONGEST && server.read(&mut buffer).is_ok() {
        last = start.elapsed();
        std::thread::sleep(Duration::from_millis(1));
        client.write_all(b"x").unwrap();
    }
    last
}

fn number(record: &Value, field: &str) -> u64 {
    record[field].as_u64().unwrap_or_else(|| panic!("no {field} in {record}"))
}

#[test]
fn a_flood_of_new_flows_makes_nothing_wait_and_is_reported() {
    try_flood(&PROGRAMS, flood_with_new_flows);
}

fn flood_with_new_flows() {
    let pair = Pair::new();
    let policy = "[[rule]]\nname = \"blocked\"\nhost = \".facebook.com\"\nstate = \"partial\"\n\
                  action = \"drop\"\n";
    let policy = pair.sandbox.file("policy.toml", policy);
    pair.sandbox.ip("link set lo up");
    let mut instance = pair.sandbox.start(&format!(
        "run --iface left --policy {} --json --max-flows 8192 --max-undecided 4096 --metrics {ADDRESS}",
        policy.display()
    ));
    let listener = pair.near(|| TcpListener::bind((NEAR, 80)).unwrap());
    let stop = AtomicBool::new(false);
    let passed = std::thread::scope(|scope| {
        let _end = Raise(&stop);
        scope.spawn(|| pair.far(|| flood::syns((NEAR.parse().unwrap(), 443), &stop)));
        instance.wait_for_word("\"behind\"");
        (0..12).map(|_| exchange(&pair, &listener)).collect::<Vec<_>>()
    });
    let soon = passed.iter().filter(|passed| **passed < SOON).count();
    assert!(soon >= 10, "{passed:?}");
    let record = instance.wait_for_word("\"caught-up\"");
    assert!(number(&record, "left_out") > 0 && number(&record, "longest_us") > 0, "{record}");
    instance.wait_to_say("more new flows come than can be looked at");
    instance.wait_to_say("new flows are looked at as they come again");
    metrics::wait_for(&pair.sandbox, "ndpi_xdp_not_inspected_packets_total");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let record = instance.wait_for_word("\"stopped\"");
    assert!(number(&record, "left_out") > 0, "{record}");
}
