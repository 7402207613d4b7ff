//! Both ends of a rejected flow are notified at once: real sockets in network namespaces, and the
//! answers of a `Rejecter` to packets captured between them.
//!
//! There are no kernel programs here. What they would have dropped is kept from its receiver by a
//! router that does not forward, where that matters.

mod ends;
mod inside;

use std::io::{ErrorKind, Read, Write};
use std::net::IpAddr;

use ndpi_common::REJECT_MARK;
use ndpi_reject::{Notified, Rejecter, Settings, Unanswerable};

use ends::{Connection, Datagrams};
use inside::Capture;
use testkit::namespace::{self, Namespace, inside};
use testkit::needs::{self, needs};
use testkit::topology::{CLIENT_V4, CLIENT_V6, SERVER_V4, SERVER_V6, Topology};

/// Client and server, by family.
const FAMILIES: [(IpAddr, IpAddr); 2] = [(CLIENT_V4, SERVER_V4), (CLIENT_V6, SERVER_V6)];

/// What ICMP's "administratively prohibited" is for sockets of either family.
const PROHIBITED: [i32; 2] = [libc::EHOSTUNREACH, libc::EACCES];

/// The network, or `None` after saying why there is none. In CI that is a failure.
fn network() -> Option<Topology> {
    needs(needs::root()).map(|()| Topology::new(namespace::unique).unwrap())
}

fn rejecter(namespace: &Namespace) -> Rejecter {
    inside(namespace, || Rejecter::open(Settings::default()).unwrap())
}

#[test]
fn a_connection_through_a_router_is_reset_at_both_ends() {
    let Some(network) = network() else { return };
    let rejecter = rejecter(&network.router);
    for (client, server) in FAMILIES {
        let mut connection = Connection::new(&network, client, server);
        let capture = Capture::new(&network.router);
        connection.client.write_all(b"classified by this").unwrap();
        connection.server.read_exact(&mut [0; 18]).unwrap();
        let packet = capture.next(|sample| sample.l3.ends_with(b"classified by this"));
        assert_eq!(rejecter.reject(&packet.passed(), 0), Notified::Sent);
        connection.assert_reset();
    }
    assert_eq!(rejecter.statistics().resets, 4);
}

#[test]
fn a_segment_that_was_dropped_resets_both_ends() {
    let Some(network) = network() else { return };
    let rejecter = rejecter(&network.router);
    for (client, server) in FAMILIES {
        let mut connection = Connection::new(&network, client, server);
        let capture = Capture::new(&network.router);
        forward(&network, false);
        connection.client.write_all(b"never arrives").unwrap();
        let packet = capture.next(|sample| sample.l3.ends_with(b"never arrives"));
        assert_eq!(rejecter.reject(&packet.dropped(), 0), Notified::Sent);
        connection.assert_reset();
        forward(&network, true);
    }
}

#[test]
fn a_connection_that_opens_is_refused() {
    let Some(network) = network() else { return };
    let rejecter = rejecter(&network.router);
    for (_, server) in FAMILIES {
        let capture = Capture::new(&network.router);
        forward(&network, false);
        let connecting = ends::connect(&network, server);
        let syn = capture.next(|sample| ends::is_syn_to(sample, server));
        assert_eq!(rejecter.reject(&syn.dropped(), 0), Notified::Sent);
        let error = connecting.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
        forward(&network, true);
    }
}

#[test]
fn on_a_host_the_local_end_is_reset_too() {
    let Some(network) = network() else { return };
    for host in [&network.client, &network.server] {
        // The strictest check of source addresses (RFC 3704), on every interface.
        host.set("ipv4/conf/all/rp_filter", "1").unwrap();
        host.set("ipv4/conf/lo/rp_filter", "1").unwrap();
        let rejecter = rejecter(host);
        for (client, server) in FAMILIES {
            let mut connection = Connection::new(&network, client, server);
            let capture = Capture::new(host);
            connection.client.write_all(b"seen on a host").unwrap();
            connection.server.read_exact(&mut [0; 14]).unwrap();
            let packet = capture.next(|sample| sample.l3.ends_with(b"seen on a host"));
            assert_eq!(rejecter.reject(&packet.passed(), 0), Notified::Sent);
            connection.assert_reset();
        }
    }
}

#[test]
fn the_sender_of_datagrams_hears_that_they_are_prohibited() {
    let Some(network) = network() else { return };
    for place in [&network.router, &network.client, &network.server] {
        let rejecter = rejecter(place);
        for ((client, server), prohibited) in FAMILIES.into_iter().zip(PROHIBITED) {
            let datagrams = Datagrams::new(&network, client, server);
            let capture = Capture::new(place);
            datagrams.client.send(&[b'x'; 1200]).unwrap();
            datagrams.server.recv(&mut [0; 1500]).unwrap();
            let packet = capture.next(|sample| sample.l3.ends_with(&[b'x'; 1200]));
            assert_eq!(rejecter.reject(&packet.passed(), 0), Notified::Sent);
            let error = datagrams.client.recv(&mut [0; 16]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(prohibited), "{error}");
        }
        assert_eq!(rejecter.statistics().unreachables, 2);
    }
}

#[test]
fn nobody_answers_in_the_name_of_a_broadcast_address() {
    let Some(network) = network() else { return };
    let rejecter = rejecter(&network.router);
    let capture = Capture::new(&network.router);
    ends::broadcast(&network.client, "198.18.1.255:9", b"to everybody");
    let packet = capture.next(|sample| sample.l3.ends_with(b"to everybody"));
    let notified = rejecter.reject(&packet.passed(), 0);
    assert_eq!(notified, Notified::Unanswerable(Unanswerable::Address));
}

#[test]
fn without_a_route_the_answer_fails_and_is_counted() {
    let Some(network) = network() else { return };
    let rejecter = rejecter(&network.router);
    let connection = Connection::new(&network, CLIENT_V4, SERVER_V4);
    let capture = Capture::new(&network.router);
    (&connection.client).write_all(b"no way back").unwrap();
    let packet = capture.next(|sample| sample.l3.ends_with(b"no way back"));
    network.router.ip("address flush dev lan").unwrap();
    assert_eq!(rejecter.reject(&packet.passed(), 0), Notified::Failed);
    let statistics = rejecter.statistics();
    assert_eq!((statistics.resets, statistics.failed), (1, 1));
}

#[test]
fn answers_carry_the_mark_that_the_egress_program_knows() {
    let Some(network) = network() else { return };
    let rejecter = rejecter(&network.router);
    for (family, (client, server)) in ["-4", "-6"].into_iter().zip(FAMILIES) {
        let mut connection = Connection::new(&network, client, server);
        let capture = Capture::new(&network.router);
        connection.client.write_all(b"marked").unwrap();
        connection.server.read_exact(&mut [0; 6]).unwrap();
        let packet = capture.next(|sample| sample.l3.ends_with(b"marked"));
        let reject = || rejecter.reject(&packet.passed(), 0);
        let rule = |verb| format!("{family} rule {verb} fwmark {REJECT_MARK} prohibit");
        network.router.ip(&rule("add")).unwrap();
        assert_eq!(reject(), Notified::Failed, "nothing that is marked finds a route");
        network.router.ip(&rule("delete")).unwrap();
        assert_eq!(reject(), Notified::Sent);
        connection.assert_reset();
    }
}

/// Whether the router forwards.
fn forward(network: &Topology, forward: bool) {
    let value = if forward { "1" } else { "0" };
    network.router.set("ipv4/ip_forward", value).unwrap();
    network.router.set("ipv6/conf/all/forwarding", value).unwrap();
}
