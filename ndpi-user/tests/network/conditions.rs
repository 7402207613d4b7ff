//! Conditions that a network, or somebody else's hand, brings about.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use rustix::process::Signal;
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};
use testkit::metrics::{self, ADDRESS};
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::{PROGRAMS, run};
use testkit::tcp::{Connection, Segment};

use crate::ready;
use crate::status::{problems, wait_for_status};

/// A server that lies beyond the near end, which sends nothing on to it.
const BEYOND: Ipv4Addr = Ipv4Addr::new(198, 18, 9, 1);
/// The flag of a segment with which something is complete (RFC 9293, section 3.1).
const PSH: u8 = 0x08;
/// Flows that there is room for.
const FLOWS: u32 = 64;

/// A DNS query for `www.example.org`, type A.
const QUERY: &[u8] = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x03www\x07example\x03org\0\0\x01\0\x01";

#[test]
fn connections_of_which_one_direction_comes_by_are_a_problem() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    pair.far_ip(&format!("route add {BEYOND}/32 via {NEAR}"));
    // Flows that have no room are over, and counted.
    let command = format!("run --iface left --json --workers 1 --sweep 1 --max-flows {FLOWS}");
    let mut instance = sandbox.start(&command);
    let raw = Some(Protocol::from(libc::IPPROTO_RAW));
    let socket = pair.far(|| Socket::new(Domain::IPV4, Type::RAW, raw)).unwrap();
    let client = FAR.parse().unwrap();
    for port in 1000..1300 {
        let connection = Connection { addresses: [client, BEYOND], ..Connection::new(port, 443) };
        let data = connection.data(0, b"what only the client's side shows");
        let data = Segment { flags: data.flags | PSH, ..data };
        socket.send_to(&data.l3(), &SocketAddrV4::new(BEYOND, 0).into()).unwrap();
    }
    let reported = instance.wait_for(|it| it["state"] == "one-directional");
    assert_eq!((&reported["iface"], &reported["flows"]), (&"left".into(), &reported["halves"]));
    wait_for_status(sandbox, |now, code| {
        problems(now).contains(&"one-directional") && code == Some(1)
    });
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
}

#[test]
fn a_map_that_somebody_else_has_filled_takes_no_verdict() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    sandbox.ip("link set lo up");
    let command = format!(
        "run --iface left --json --workers 1 --sweep 1 --max-flows {FLOWS} --metrics {ADDRESS}"
    );
    let mut instance = sandbox.start(&command);
    let server = pair.far(|| UdpSocket::bind((FAR, 53)).unwrap());
    let ask = |port: u16| {
        let client = pair.near(|| UdpSocket::bind((NEAR, port)).unwrap());
        client.send_to(QUERY, (FAR, 53)).unwrap();
        let mut buffer = [0; 256];
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        // The same with the bits of a response, and one address.
        let mut answer = buffer[..length].to_vec();
        (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
        answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc6\x12\x07\x02");
        server.send_to(&answer, from).unwrap();
        client.recv(&mut buffer).unwrap();
    };
    ask(40_001);
    instance.wait_for(|it| it["type"] == "verdict" && it["sport"] == 40_001);
    let bpftool = |arguments: &[String]| {
        let map = ["pinned".to_owned(), "/sys/fs/bpf/ndpi-xdp/VERDICTS_V4".to_owned()];
        let (verb, rest) = arguments.split_first().unwrap();
        let mut command = sandbox.command("bpftool");
        run(command.args(["-j", "map", verb]).args(map).args(rest))
    };
    let dump = bpftool(&["dump".into()]);
    let entries: Value = serde_json::from_str(&dump.stdout).unwrap_or_else(|_| panic!("{dump:#?}"));
    let bytes = |what: &str| -> Vec<String> {
        let all = entries[0][what].as_array().unwrap();
        all.iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let (key, value) = (bytes("key"), bytes("value"));
    let fill = |number: u32| {
        let mut key = key.clone();
        // Another address.
        (key[2], key[3]) = ("0xff".into(), format!("{number:#04x}"));
        let words = [vec!["update".into(), "key".into()], key, vec!["value".into()], value.clone()];
        bpftool(&words.concat()).code == Some(0)
    };
    assert_eq!((0..FLOWS).filter(|number| fill(*number)).count(), FLOWS as usize - 1);

    ask(40_002);
    wait_for_status(sandbox, |now, code| {
        let refused = problems(now).contains(&"verdicts-refused");
        refused && now["workers"][0]["pending"] == 1 && code == Some(1)
    });
    metrics::wait_for(sandbox, "ndpi_xdp_worker_pending_verdicts");
    // It is tried again.
    let mut freed = key.clone();
    (freed[2], freed[3]) = ("0xff".into(), "0x00".into());
    assert_eq!(bpftool(&[vec!["delete".into(), "key".into()], freed].concat()).code, Some(0));
    instance.wait_for(|it| it["type"] == "verdict" && it["sport"] == 40_002);
    wait_for_status(sandbox, |now, _| !problems(now).contains(&"verdicts-refused"));
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
}
