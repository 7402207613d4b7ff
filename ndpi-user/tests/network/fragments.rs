//! IP fragments between real kernels: what these put together is decided as what was sent whole.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use testkit::instance::Instance;
use testkit::pair::{FAR, FAR_V6, NEAR, NEAR_V6, Pair};
use testkit::program::PROGRAMS;
use testkit::tcp::Segment;
use testkit::tls::{answer, hello};
use testkit::wait_until;

use crate::client::{Client, TTL};
use crate::ready;

const BLOCKED: &str = "www.facebook.com";
const ALLOWED: &str = "www.example.com";
const RULE: &str = "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";
const IPV4_HEADER: usize = 20;
/// Something that nDPI does not know, longer than two packets on Ethernet.
const UNKNOWN: [u8; 3000] = [0xa7; 3000];

/// An IPv4 packet in fragments: what follows its header is cut at these places, multiples of eight.
pub(crate) fn fragments(l3: &[u8], id: u16, cuts: &[usize]) -> Vec<Vec<u8>> {
    let (header, rest) = l3.split_at(IPV4_HEADER);
    let ends = [&[0][..], cuts, &[rest.len()]].concat();
    let fragment = |ends: &[usize]| {
        let mut header = header.to_vec();
        let more = if ends[1] < rest.len() { 0x2000 } else { 0 };
        let bits = u16::try_from(ends[0] / 8).unwrap() | more;
        header[4..6].copy_from_slice(&id.to_be_bytes());
        header[6..8].copy_from_slice(&bits.to_be_bytes());
        let length = u16::try_from(header.len() + ends[1] - ends[0]).unwrap();
        header[2..4].copy_from_slice(&length.to_be_bytes());
        [&header, &rest[ends[0]..ends[1]]].concat()
    };
    ends.windows(2).map(fragment).collect()
}

/// In which order fragments are sent.
type Order = fn(&mut Vec<Vec<u8>>);

const ORDERS: [(&str, Order); 3] = [
    ("in their order", |_| {}),
    ("the last first", |fragments| fragments.reverse()),
    ("each twice", |fragments| {
        *fragments = fragments.iter().flat_map(|it| [it.clone(), it.clone()]).collect();
    }),
];

#[test]
fn a_hello_in_fragments_is_decided_as_the_receiver_reads_it() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let policy = pair.sandbox.file("policy.toml", RULE);
    let run = format!("run --iface left --json --workers 2 --policy {}", policy.display());
    let instance = pair.sandbox.start(&run);
    let listener = pair.near(|| TcpListener::bind((NEAR, 443)).unwrap());
    for (what, order) in ORDERS {
        for name in [BLOCKED, ALLOWED] {
            let client = pair.far(|| Client::connect(443));
            check(&pair, (&listener, &instance), (client, name), order, what);
        }
    }
}

/// Fails where a hello in fragments is not decided as the receiver reads it.
fn check(
    pair: &Pair,
    (listener, instance): (&TcpListener, &Instance),
    (client, name): (Client, &str),
    order: Order,
    what: &str,
) {
    let (mut server, from) = listener.accept().unwrap();
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let whole = Segment { ttl: TTL, ..client.connection.data(0, &hello(name)) };
    // Right behind the header, and within the hello and the name. No two datagrams have the same number.
    let mut fragments = fragments(&whole.l3(), from.port(), &[24, 64, 80]);
    order(&mut fragments);
    pair.far(|| fragments.iter().for_each(|fragment| client.send(fragment)));
    let mut read = vec![0; hello(name).len()];
    server.read_exact(&mut read).unwrap();
    assert_eq!(read, hello(name), "{what}: a real receiver puts it together");
    let _ = server.write_all(&answer());
    let verdict = instance.wait_for(|it| it["type"] == "verdict" && it["sport"] == from.port());
    assert_eq!(verdict["action"] == "drop", name == BLOCKED, "{what}: {verdict:#}");
    assert_eq!(verdict["hostname"], name, "{what}: {verdict:#}");
}

/// Addresses of the ends of a tunnel between both ends.
const TUNNEL: [&str; 2] = ["198.18.10.1", "198.18.10.2"];

/// Adds a tunnel.
fn add_tunnel(pair: &Pair) {
    let commands = |device: &str, from: &str, to: &str, address: &str| {
        [
            format!(
                "link add tunnel type vxlan id 7 dstport 4789 dev {device} local {from} remote {to}"
            ),
            format!("address add {address}/30 dev tunnel"),
            "link set tunnel up".into(),
        ]
    };
    for it in commands("left", NEAR, FAR, TUNNEL[0]) {
        pair.sandbox.ip(&it);
    }
    for it in commands("right", FAR, NEAR, TUNNEL[1]) {
        pair.far_ip(&it);
    }
}

#[test]
fn fragments_within_a_tunnel_are_put_together_too() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    add_tunnel(&pair);
    let policy = pair.sandbox.file("policy.toml", RULE);
    let run =
        format!("run --iface left --tunnels --json --workers 2 --policy {}", policy.display());
    let instance = pair.sandbox.start(&run);
    let listener = pair.near(|| TcpListener::bind((TUNNEL[0], 443)).unwrap());
    for (what, order) in ORDERS {
        for name in [BLOCKED, ALLOWED] {
            let client = pair.far(|| Client::connect_to(TUNNEL[0], 443));
            check(&pair, (&listener, &instance), (client, name), order, what);
        }
    }
}

/// As the kernel of a sender makes them, of both families.
#[test]
fn all_fragments_of_a_long_datagram_are_shown_as_packets_of_its_flow() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    pair.add_v6();
    let _instance = pair.sandbox.start("run --iface left --json");
    for (near, far) in [(NEAR, FAR), (NEAR_V6, FAR_V6)] {
        let receiver = pair.near(|| UdpSocket::bind((near, 4000)).unwrap());
        let sender = pair.far(|| UdpSocket::bind((far, 4001)).unwrap());
        sender.send_to(&UNKNOWN, (near, 4000)).unwrap();
        let mut buffer = vec![0; 4000];
        receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(receiver.recv(&mut buffer).unwrap(), UNKNOWN.len());
        wait_until(|| {
            let run = pair.sandbox.run("flows --json --undecided --port 4000");
            let lines = run.stdout.lines().filter_map(|line| serde_json::from_str(line).ok());
            let mut lines =
                lines.filter(|it: &serde_json::Value| it["src"] == far || it["dst"] == far);
            lines.any(|it| it["shown"] == 3 && it["packets_to_server"] == 3)
        });
    }
}
