//! Tunnels as a person sees them in records.

use serde_json::Value;
use testkit::packets::{capture, dns, ipv4, udp};
use testkit::program::{file, pcap};

use crate::ndpi_is_there;

/// `inner` in VXLAN of this network, on this UDP port.
fn vxlan(port: u16, network: u8, inner: &[u8]) -> Vec<u8> {
    let header = [8, 0, 0, 0, 0, 0, network, 0];
    let frame = [&header[..], &[2; 12], &[8, 0], inner].concat();
    udp([50_000, port], false, &frame)
}

/// A query and its answer of one client in GTP-U, whose ends chose these numbers.
fn gtp(name: &str, numbers: [u8; 2]) -> [Vec<u8>; 2] {
    [false, true].map(|answer| {
        let inner = dns(1, name, answer);
        let [a, b] = u16::try_from(inner.len()).unwrap().to_be_bytes();
        let header = [0x30, 255, a, b, 0, 0, 0, numbers[usize::from(answer)]];
        udp([2152, 2152], answer, &[&header[..], &inner].concat())
    })
}

/// Host name, packets and tenant of each flow.
fn summed_up(flows: &[Value]) -> Vec<(String, u64, u64)> {
    let of = |flow: &Value| {
        let name = flow["hostname"].as_str().unwrap().to_owned();
        let tenant = flow["tunnel"]["tenant"].as_u64().unwrap();
        (name, flow["packets"].as_u64().unwrap(), tenant)
    };
    let mut all: Vec<_> = flows.iter().map(of).collect();
    all.sort_unstable();
    all
}

fn two_flows() -> [(String, u64, u64); 2] {
    [("a.example".to_owned(), 2, 1), ("b.example".to_owned(), 2, 2)]
}

#[test]
fn the_same_addresses_of_two_tenants_are_two_flows() {
    if !ndpi_is_there() {
        return;
    }
    let query = |network, name, answer| vxlan(8472, network, &dns(1, name, answer));
    let packets = [
        query(1, "a.example", false),
        query(2, "b.example", false),
        query(1, "a.example", true),
        query(2, "b.example", true),
    ];
    let times: Vec<_> = (1..).zip(packets).collect();
    let path = file("tenants", "vxlan.pcap", &capture(&times));
    for threads in ["1", "2"] {
        let run = pcap(&["--json", "--tunnels", "--threads", threads, &path]);
        assert_eq!(summed_up(&run.flows()), two_flows());
    }
    let csv = pcap(&["--csv", "--tunnels", &path]).stdout;
    assert!(csv.lines().next().unwrap().contains(",end,tenant,outer_tenant,findings,"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().contains(",source-ended,1,,,Acceptable,"), "{csv}");
}

#[test]
fn the_numbers_of_gtp_belong_to_a_direction() {
    if !ndpi_is_there() {
        return;
    }
    let [[a, a_back], [b, b_back]] = [gtp("a.example", [1, 9]), gtp("b.example", [2, 8])];
    let times: Vec<_> = (1..).zip([a, a_back, b, b_back]).collect();
    let path = file("tenants", "gtp.pcap", &capture(&times));
    let run = pcap(&["--json", "--tunnels", &path]);
    assert_eq!(summed_up(&run.flows()), two_flows());
}

#[test]
fn tunnels_that_stay_closed_are_counted_by_their_kind() {
    if !ndpi_is_there() {
        return;
    }
    let gre = |header: &[u8]| ipv4(47, false, &[header, &[0; 40]].concat());
    for (packet, kind) in [
        // ERSPAN of an unknown version; with a known one and no IP inside it was opened.
        (gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x20, 0, 0, 1]), Some("(erspan of another form)")),
        (gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 1]), None),
        (gre(&[0, 0, 0x22, 0xeb]), Some("(erspan of another form)")),
        (gre(&[0x30, 1, 0x88, 0x0b]), Some("(pptp)")),
        (gre(&[0, 0, 0x89, 0x4f]), Some("(gre of protocol 0x894f)")),
        (ipv4(97, false, &[0x30; 40]), Some("(etherip)")),
        (udp([1701, 1701], false, &[0; 40]), Some("(l2tp)")),
        (udp([50_000, 53], false, &[0; 40]), None),
    ] {
        let path = file("closed", "closed.pcap", &capture(&[(1, packet)]));
        let run = pcap(&["--json", "--tunnels", &path]);
        assert_eq!(run.flows().len(), 1, "{kind:?}");
        assert_eq!(run.stderr.contains("tunnels that are not opened"), kind.is_some(), "{kind:?}");
        assert!(run.stderr.contains(kind.unwrap_or_default()), "{kind:?}: {}", run.stderr);
        assert_eq!(
            pcap(&["--json", &path]).stderr,
            "",
            "{kind:?}: only where they are looked into"
        );
    }
}

#[test]
fn mirrored_frames_and_other_ports_are_looked_into() {
    if !ndpi_is_there() {
        return;
    }
    let query = dns(1, "a.example", false);
    let frame = [&[0, 0, 0x88, 0xbe][..], &[2; 12], &[8, 0], &query].concat();
    let path = file("tenants", "erspan.pcap", &capture(&[(1, ipv4(47, false, &frame))]));
    let flows = pcap(&["--json", "--tunnels", &path]).flows();
    assert_eq!(flows[0]["hostname"], "a.example");
    let outside = serde_json::json!({"kind": "erspan", "src": "198.18.0.2", "dst": "198.18.0.1"});
    assert_eq!(flows[0]["tunnel"], outside);

    let path = file("tenants", "port.pcap", &capture(&[(1, vxlan(48879, 7, &query))]));
    assert_eq!(pcap(&["--json", "--tunnels", &path]).flows()[0]["dport"], 48879);
    let said = pcap(&["--json", "--tunnels", "--vxlan-port", "48879", &path]).flows();
    assert_eq!((&said[0]["dport"], &said[0]["tunnel"]["tenant"]), (&53.into(), &7.into()));
    let without = pcap(&["--vxlan-port", "48879", &path]);
    assert!(without.code == Some(2) && without.stderr.contains("--tunnels"), "{}", without.stderr);
}

#[test]
fn a_flow_that_takes_the_place_of_another_keeps_its_tunnel() {
    if !ndpi_is_there() {
        return;
    }
    let query = vxlan(4789, 7, &dns(1, "a.example", false));
    let path = file("tenants", "again.pcap", &capture(&[(1, query.clone()), (5000, query)]));
    let flows = pcap(&["--json", "--tunnels", &path]).flows();
    assert_eq!(flows.len(), 2);
    for flow in flows {
        assert_eq!(flow["tunnel"]["tenant"], 7);
    }
}
