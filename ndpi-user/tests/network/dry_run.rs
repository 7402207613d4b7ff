//! `run --dry-run`: all is decided, counted and recorded, nothing is dropped, and nobody is answered.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use rustix::process::Signal;
use socket2::{Domain, Socket, Type};
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::{schema, wait_until};

use crate::counted::counted;
use crate::ready;

const POLICY: &str = "undecided = \"drop\"\nfragments = \"drop\"\nunparsable = \"drop\"\n\n\
    [[rule]]\nname = \"no shells\"\nport = 4001\naction = \"reject\"\n\n\
    [[rule]]\nname = \"slow\"\nport = 4002\nlimit = \"8 kbit/s\"\nburst = \"1514 B\"\n";

/// More than are shown of a flow.
const PACKETS: usize = 40;
const PATIENCE: Duration = Duration::from_secs(10);

/// Datagrams that no protocol would send, all of which arrive.
fn datagrams(pair: &Pair, port: u16) {
    let far = pair.far(|| UdpSocket::bind((FAR, port)).unwrap());
    let near = pair.near(|| UdpSocket::bind((NEAR, port)).unwrap());
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..PACKETS {
        near.send_to(&[7; 64], (FAR, port)).unwrap();
        far.recv(&mut [0; 64]).unwrap();
    }
}

/// Questions and answers that no protocol would have, by TCP.
fn talk(client: &mut TcpStream, server: &mut TcpStream) {
    for _ in 0..PACKETS {
        client.write_all(&[7; 64]).unwrap();
        server.read_exact(&mut [0; 64]).unwrap();
        server.write_all(&[8; 64]).unwrap();
        client.read_exact(&mut [0; 64]).unwrap();
    }
}

/// Sends an IPv4 packet (RFC 791, section 3.1) of this protocol and place in a datagram from the far end.
fn packet(pair: &Pair, offset: u8, protocol: u8, payload: &[u8]) {
    let raw = libc::IPPROTO_RAW.into();
    let socket = pair.far(|| Socket::new(Domain::IPV4, Type::RAW, Some(raw)).unwrap());
    // The kernel fills in what is 0: raw(7).
    let mut packet = vec![0x45, 0, 0, 0, 0x12, 0x34, 0, offset, 64, protocol, 0, 0];
    packet.extend([198, 18, 7, 2, 198, 18, 7, 1]);
    packet.extend(payload);
    let to: SocketAddr = format!("{NEAR}:0").parse().unwrap();
    socket.send_to(&packet, &to.into()).unwrap();
}

#[test]
fn what_would_be_dropped_passes_under_its_reason_and_nobody_is_answered() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let policy = sandbox.file("policy.toml", POLICY);
    let mut instance = sandbox.start(&format!(
        "run --iface left --json --dry-run --sweep 1 --policy {}",
        policy.display()
    ));
    let decided = |port: u16, action: &str| {
        let verdict = instance.wait_for(|it| it["type"] == "verdict" && it["dport"] == port);
        assert_eq!((&verdict["action"], &verdict["dry_run"]), (&action.into(), &true.into()));
    };

    // While nobody decides, packets beyond the budget are on their own.
    instance.signal(Signal::STOP);
    datagrams(&pair, 4000);
    instance.signal(Signal::CONT);
    decided(4000, "drop");
    datagrams(&pair, 4000);

    let listener = pair.far(|| TcpListener::bind((FAR, 4001)).unwrap());
    let mut client = pair.near(|| TcpStream::connect((FAR, 4001)).unwrap());
    let (mut server, _) = listener.accept().unwrap();
    for end in [&client, &server] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    talk(&mut client, &mut server);
    decided(4001, "reject");
    // A reset would end it.
    talk(&mut client, &mut server);

    datagrams(&pair, 4002);
    decided(4002, "limit");
    datagrams(&pair, 4002);

    // A later fragment of nothing, and half a port.
    packet(&pair, 0x20, 17, &[0; 32]);
    packet(&pair, 0, 17, &[0; 2]);

    for reason in ["drop", "reject", "limit", "over_budget", "fragment_unknown", "truncated_ports"]
    {
        wait_until(|| counted(sandbox, "passed", reason) > 0);
    }
    assert_eq!(counted(sandbox, "dropped", "*"), 0);
    assert_eq!(counted(sandbox, "passed", "answer"), 0);

    let listed = sandbox.run("verdicts --json");
    assert!(listed.stderr.contains("a dry run: what is dropped here would be, and passes"));
    for entry in listed.stdout.lines().map(schema::record) {
        let beyond = entry["dropped"].as_u64().unwrap();
        assert!(entry["dry_run"] == true && beyond > 0, "{entry:#}");
    }
    assert_eq!(listed.stdout.lines().count(), 3, "{listed:#?}");

    drop((client, server));
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let flows = instance.rest().into_iter().filter(|it| it["type"] == "flow");
    let flows: Vec<_> = flows.filter(|it| it["action"] != "count").collect();
    assert_eq!(flows.len(), 3, "{flows:#?}");
    assert!(flows.iter().all(|it| it["dry_run"] == true && it["dropped"].as_u64() > Some(0)));
    let table = instance.stderr();
    let rows: Vec<Vec<_>> = table.lines().map(|it| it.split_whitespace().collect()).collect();
    let has = |row: [&str; 3]| rows.iter().any(|it| it.get(..3) == Some(&row[..]));
    assert!(table.contains("a dry run: nothing was dropped"), "{table}");
    assert!(has(["egress", "passed", "drop"]) && has(["ingress", "passed", "reject"]), "{table}");
}
