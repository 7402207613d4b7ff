//! The process that nDPI works in: it dies, and nothing else does.

use std::fs;
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use testkit::hostile::{FATAL, compile};
use testkit::instance::Instance;
use testkit::needs;
use testkit::packets::dns;
use testkit::pair::{Datagrams, FAR, NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::sandbox::Sandbox;
use testkit::wait_until;

use crate::ready;
use crate::status::{problems, status};

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

/// The processes that `parent` has started and that are there.
fn children(parent: Pid) -> Vec<Pid> {
    let parent = parent.as_raw_nonzero().to_string();
    let of_parent = |name: &str| -> Option<Pid> {
        let stat = fs::read_to_string(format!("/proc/{name}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let lives = fields.next()? != "Z";
        (lives && fields.next()? == parent).then(|| Pid::from_raw(name.parse().ok()?))?
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|process| of_parent(process.file_name().to_str()?)).collect()
}

/// An instance's process, the one that nDPI is started from, and the one that it works in.
fn processes(sandbox: &Sandbox) -> [Pid; 3] {
    let (status, _) = status(sandbox);
    let session = Pid::from_raw(i32::try_from(status["pid"].as_u64().unwrap()).unwrap()).unwrap();
    let only = |parent| match children(parent)[..] {
        [child] => Some(child),
        _ => None,
    };
    // It may just be started again.
    wait_until(|| only(session).and_then(only).is_some());
    let keeper = only(session).unwrap();
    [session, keeper, only(keeper).unwrap()]
}

fn is_there(process: Pid) -> bool {
    test_kill_process(process).is_ok()
}

#[test]
fn a_packet_that_ends_ndpi_costs_its_own_flow() {
    if !ready(&[&PROGRAMS[..], &["cc"]].concat()) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let library = compile(sandbox.folder(), size_of::<ndpi_sys::types::Protocol>());
    let library = needs(library).expect("there is a C compiler");
    let options = format!("--workers 2 --ndpi-library {}", library.display());
    let mut instance = start(sandbox, &options);
    let (blocked, free) = (decided(&pair, &instance, BLOCKED), decided(&pair, &instance, FREE));
    assert_eq!(ask(&pair, &instance, 4100, "www.example.org")["app"], "DNS");

    let set_aside = ask(&pair, &instance, 4101, FATAL);
    let how = ["app", "action", "rule"].map(|field| &set_aside[field]);
    assert_eq!(how, ["Unknown", "drop", "undecided"], "{set_aside}");
    assert_eq!((blocked.arriving(10), free.arriving(10)), (0, 10));
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
        let [.., worker] = processes(sandbox);
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
        let [_, keeper, worker] = processes(sandbox);
        instance.end(signal);
        wait_until(|| !is_there(keeper) && !is_there(worker));
        if signal == Signal::KILL {
            assert_eq!(blocked.arriving(10), 0, "what was decided stands without any of them");
        }
    }
}

#[test]
fn where_ndpi_cannot_be_started_again_the_session_ends_and_says_why() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = start(sandbox, "--workers 1");
    let [_, keeper, worker] = processes(sandbox);
    kill_process(keeper, Signal::KILL).unwrap();
    assert!(!instance.ended().success());
    let said = instance.stderr();
    assert!(said.contains("the process that nDPI is started from was ended"), "{said}");
    wait_until(|| !is_there(worker));
    assert_eq!(sandbox.attached("left"), [""; 0]);
}
