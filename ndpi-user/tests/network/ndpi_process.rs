//! The process that nDPI works in: it dies, and nothing else does.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use serde_json::Value;
use testkit::hostile::{ENDLESS, FATAL, compile};
use testkit::instance::Instance;
use testkit::metrics::{self, ADDRESS, metric};
use testkit::needs;
use testkit::packets::dns;
use testkit::pair::{Datagrams, FAR, NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::sandbox::Sandbox;
use testkit::wait_until;

use crate::family::{Family, is_there};
use crate::ready;
use crate::status::{problems, status, wait_for_status};

const BLOCKED: u16 = 5000;
const FREE: u16 = 5001;

const POLICY: &str = "undecided = \"drop\"

[[rule]]
name = \"blocked\"
port = 5000
action = \"drop\"

[[rule]]
name = \"names\"
app = \"DNS\"
action = \"count\"

[[rule]]
name = \"free\"
port = 5001
action = \"count\"
";

/// Length of the headers of IPv4 and UDP.
const HEADERS: usize = 28;

fn start(sandbox: &Sandbox, options: &str) -> Instance {
    let policy = sandbox.file("policy.toml", POLICY);
    sandbox.start(&format!("run --iface left --json --policy {} {options}", policy.display()))
}

/// The same with a library in nDPI's place that does what packets ask for.
fn start_hostile(sandbox: &Sandbox, options: &str) -> Instance {
    let library = compile(sandbox.folder(), size_of::<ndpi_sys::types::Protocol>());
    let library = needs(library).expect("there is a C compiler");
    start(sandbox, &format!("--ndpi-library {} {options}", library.display()))
}

/// A flow of datagrams with a verdict.
fn decided(pair: &Pair, instance: &Instance, port: u16) -> Datagrams {
    let flow = Datagrams::new(pair, port - 1000, port);
    flow.send(40);
    instance.wait_for(|record| record["type"] == "verdict" && record["dport"] == port);
    flow.arrived();
    flow
}

/// Asks for a name from that port, is answered where that passes, and has the verdict.
fn ask(pair: &Pair, instance: &Instance, port: u16, name: &str) -> Value {
    let [client, server] = [
        pair.far(|| UdpSocket::bind((FAR, port)).unwrap()),
        pair.near(|| UdpSocket::bind((NEAR, 53)).unwrap()),
    ];
    client.send_to(&dns(1, name, false)[HEADERS..], (NEAR, 53)).unwrap();
    let mut buffer = [0; 256];
    let (length, from) = server.recv_from(&mut buffer).unwrap();
    // The same with the bits of a response, and one address.
    let mut answer = buffer[..length].to_vec();
    (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
    answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc6\x12\x07\x02");
    server.send_to(&answer, from).unwrap();
    instance.wait_for(|record| record["type"] == "verdict" && record["sport"] == port)
}

#[test]
fn a_packet_that_ends_ndpi_costs_its_own_flow() {
    if !ready(&[&PROGRAMS[..], &["cc"]].concat()) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let crashes = sandbox.folder().join("crashes");
    fs::create_dir(&crashes).unwrap();
    sandbox.ip("link set lo up");
    let options = format!("--workers 2 --metrics {ADDRESS} --crash-captures {}", crashes.display());
    let mut instance = start_hostile(sandbox, &options);
    let (blocked, free) = (decided(&pair, &instance, BLOCKED), decided(&pair, &instance, FREE));
    assert_eq!(ask(&pair, &instance, 4100, "www.example.org")["app"], "DNS");

    // It has seen some of another flow, and sees the rest in another process.
    let inspected = || metric(sandbox, "ndpi_xdp_inspection_seconds_count");
    let (open, before) = (Datagrams::new(&pair, 3003, 4003), inspected());
    open.send(3);
    wait_until(|| inspected() >= before + 3.0);

    let set_aside = ask(&pair, &instance, 4101, FATAL);
    let how = ["app", "action", "rule"].map(|field| &set_aside[field]);
    assert_eq!(how, ["Unknown", "drop", "undecided"], "{set_aside}");
    assert_eq!((blocked.arriving(10), free.arriving(10)), (0, 10));
    open.send(3);
    for count in [
        "ndpi_xdp_ndpi_process_ended_total",
        "ndpi_xdp_ndpi_flows_set_aside_total",
        "ndpi_xdp_ndpi_states_lost_total",
    ] {
        metrics::wait_for(sandbox, count);
    }
    // Of the same flow again, nDPI sees nothing.
    let client = pair.far(|| UdpSocket::bind((FAR, 4101)).unwrap());
    for _ in 0..40 {
        client.send_to(&dns(1, FATAL, false)[HEADERS..], (NEAR, 53)).unwrap();
    }
    assert_eq!(ask(&pair, &instance, 4102, "www.example.org")["app"], "DNS");
    let said = instance.wait_to_say("was ended by SIGSEGV");
    assert!(said.contains("198.18.7.1 port 53 and 198.18.7.2 port 4101"), "{said}");

    let (status, _) = status(sandbox);
    let fared = &status["ndpi_process"];
    assert_eq!((&fared["ended"], &fared["set_aside"]), (&1.into(), &1.into()), "{status}");
    assert!(problems(&status).contains(&"ndpi-ended"), "{status}");
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());

    // Whoever is to mend it has all of that flow, and nothing of others.
    let [capture] = &files(&crashes)[..] else { panic!("{}", instance.stderr()) };
    assert!(instance.stderr().contains(&capture.display().to_string()), "{}", instance.stderr());
    let read = sandbox.run(&format!("pcap --json {}", capture.display()));
    let flows = read.records("flow");
    let [flow] = &flows[..] else { panic!("{read:#?}") };
    assert_eq!([&flow["hostname"], &flow["sport"]], [&FATAL.into(), &Value::from(4101)], "{flow}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect()
}

#[test]
fn an_ndpi_that_never_comes_back_from_a_packet_is_started_again_without_it() {
    if !ready(&[&PROGRAMS[..], &["cc"]].concat()) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = start_hostile(sandbox, "--workers 1");
    let (blocked, free) = (decided(&pair, &instance, BLOCKED), decided(&pair, &instance, FREE));
    let over = AtomicBool::new(false);
    let (set_aside, (leaked, arrived, sent)) = thread::scope(|scope| {
        let traffic = scope.spawn(|| {
            let (mut leaked, mut arrived, mut sent) = (0, 0, 0);
            while !over.load(Ordering::Relaxed) {
                (leaked, arrived) = (leaked + blocked.arriving(1), arrived + free.arriving(1));
                sent += 1;
                thread::sleep(Duration::from_millis(10));
            }
            (leaked, arrived, sent)
        });
        let set_aside = ask(&pair, &instance, 4101, ENDLESS);
        over.store(true, Ordering::Relaxed);
        (set_aside, traffic.join().unwrap())
    });
    assert_eq!((leaked, arrived), (0, sent));
    let how = ["app", "action", "rule"].map(|field| &set_aside[field]);
    assert_eq!(how, ["Unknown", "drop", "undecided"], "{set_aside}");
    assert_eq!(ask(&pair, &instance, 4102, "www.example.org")["app"], "DNS");
    instance.wait_to_say("nDPI does not answer: it is started again");
    let (status, _) = status(sandbox);
    let fared = &status["ndpi_process"];
    assert_eq!((&fared["ended"], &fared["set_aside"]), (&1.into(), &1.into()), "{status}");
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
}

#[test]
fn killed_at_any_moment_it_lets_nothing_through_and_keeps_nothing_from_being_decided() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = start(sandbox, "--workers 2");
    let (blocked, free) = (decided(&pair, &instance, BLOCKED), decided(&pair, &instance, FREE));
    let mut moment = 7u64;
    // One more, and it would not be started again for a minute.
    for round in 0..4 {
        let Family { worker, .. } = Family::of(sandbox);
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let after = Duration::from_micros((moment >> 33) % 5000);
        let (leaked, arrived) = thread::scope(|scope| {
            let traffic = scope.spawn(|| (blocked.arriving(50), free.arriving(50)));
            thread::sleep(after);
            kill_process(worker, Signal::KILL).unwrap();
            traffic.join().unwrap()
        });
        assert_eq!((leaked, arrived), (0, 50), "killed after {after:?}");
        assert_eq!(ask(&pair, &instance, 4200 + round, "www.example.org")["app"], "DNS");
    }
    let (status, _) = status(sandbox);
    let fared = &status["ndpi_process"];
    assert_eq!((&fared["ended"], &fared["set_aside"]), (&4.into(), &0.into()), "{status}");
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
}

#[test]
fn what_an_instance_has_started_ends_with_it() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    for signal in [Signal::KILL, Signal::TERM] {
        let mut instance = start(sandbox, "--workers 1");
        let blocked = decided(&pair, &instance, BLOCKED);
        let Family { keeper, spare, worker, policies, policies_spare, .. } = Family::of(sandbox);
        instance.end(signal);
        let all = [keeper, spare, worker, policies, policies_spare];
        wait_until(|| !all.into_iter().any(is_there));
        if signal == Signal::KILL {
            assert_eq!(blocked.arriving(10), 0, "what was decided stands without any of them");
        }
    }
}

#[test]
fn whoever_is_killed_of_those_that_start_ndpi_has_a_successor() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = start(sandbox, "--workers 2");
    let (blocked, free) = (decided(&pair, &instance, BLOCKED), decided(&pair, &instance, FREE));
    for (round, workers_ended) in [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3)] {
        let before = Family::of(sandbox);
        let killed = if round % 2 == 0 { before.keeper } else { before.spare };
        kill_process(killed, Signal::KILL).unwrap();
        assert_eq!((blocked.arriving(10), free.arriving(10)), (0, 10), "{round}");
        assert_eq!(ask(&pair, &instance, 4300 + round, "www.example.org")["app"], "DNS");
        wait_until(|| !is_there(killed));
        let after = Family::of(sandbox);
        if round % 2 == 0 {
            assert_eq!(after.keeper, before.spare, "it has waited for that");
        } else {
            assert_eq!((after.keeper, after.worker), (before.keeper, before.worker));
        }
        let (status, _) = status(sandbox);
        assert_eq!(status["ndpi_process"]["ended"], workers_ended, "{status}");
    }
    instance.wait_to_say("a process that nDPI is started from was ended by SIGKILL");
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
}

#[test]
fn where_ndpi_cannot_be_started_again_the_session_ends_and_says_why() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = start(sandbox, "--workers 1");
    let Family { keeper, spare, worker, .. } = Family::of(sandbox);
    // Neither sees that the other is gone.
    for signal in [Signal::STOP, Signal::KILL] {
        for process in [keeper, spare] {
            kill_process(process, signal).unwrap();
        }
    }
    assert!(!instance.ended().success());
    let said = instance.stderr();
    let why = "the process that nDPI is started from was ended, and its spare with it";
    assert!(said.contains(why), "{said}");
    wait_until(|| !is_there(worker));
    assert_eq!(sandbox.attached("left"), [""; 0]);
}

#[test]
fn five_deaths_in_a_minute_are_a_pause_in_which_what_is_decided_stands() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = start(sandbox, "--workers 1");
    let (blocked, free) = (decided(&pair, &instance, BLOCKED), decided(&pair, &instance, FREE));
    for _ in 0..5 {
        let worker = Family::of(sandbox).worker;
        kill_process(worker, Signal::KILL).unwrap();
        // Else it may be found once more, and be gone when it is killed.
        wait_until(|| !is_there(worker));
    }
    let said = wait_for_status(sandbox, |now, code| {
        now["ndpi_process"]["pausing"] == true && code == Some(1)
    });
    assert!(problems(&said).contains(&"ndpi-ended"), "{said}");
    instance.wait_to_say("nDPI has ended five times within a minute");
    assert_eq!((blocked.arriving(10), free.arriving(10)), (0, 10));
    // What is new is decided by `undecided`, and nobody waits for nDPI.
    let unknown = Datagrams::new(&pair, 4900, 5900);
    unknown.send(40);
    let verdict = instance.wait_for(|it| it["type"] == "verdict" && it["dport"] == 5900);
    assert_eq!([&verdict["action"], &verdict["rule"]], ["drop", "undecided"], "{verdict}");
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
}
