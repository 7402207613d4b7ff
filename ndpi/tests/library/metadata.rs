//! Metadata that is read from packets.

use ndpi::{DnsAddress, Endpoints, Engine, Flow, JsonError, Risks, Severity, State};
use ndpi_sys::packets;

use crate::common::{Ends, START_MS, ends, engine};

fn feed(flow: &mut Flow<&Engine>, packets: &[Vec<u8>]) {
    for (time, packet) in (START_MS..).zip(packets) {
        flow.process(packet, time);
    }
}

/// A connection with its handshake, a request and a response.
fn exchange(flow: &mut Flow<&Engine>, ends: &Ends, request: &[u8], response: &[u8]) {
    feed(flow, &ends.handshake());
    feed(flow, &[ends.request(request), ends.response(response)]);
}

#[test]
fn http() {
    let Some(engine) = engine() else { return };
    let mut flow = engine.flow();
    let request = packets::http_get("www.example.org", "/a?b=c", "test/1.0 (none)");
    let response = b"HTTP/1.1 404 Not Found\r\nServer: tiny/2\r\nContent-Type: text/plain\r\n\
                     Content-Length: 2\r\n\r\nno";
    exchange(&mut flow, &ends(80), &request, response);
    let metadata = flow.metadata();
    let http = metadata.http.expect("HTTP");
    assert_eq!(http.method.as_deref(), Some("GET"));
    assert_eq!(http.url.as_deref(), Some("www.example.org/a?b=c"));
    assert_eq!(http.status, Some(404));
    assert_eq!(http.user_agent.as_deref(), Some("test/1.0 (none)"));
    assert_eq!(http.content_type.as_deref(), Some("text/plain"));
    assert_eq!(http.server.as_deref(), Some("tiny/2"));
    assert_eq!(http.referer, None);
    assert_eq!(metadata.hostname.as_deref(), Some("www.example.org"));
    assert_eq!((metadata.tls, metadata.dns, metadata.ssh), (None, None, None));
    assert!(metadata.tcp.expect("the SYN was seen").fingerprint.contains('_'));
}

#[test]
fn tls() {
    let Some(engine) = engine() else { return };
    let mut flow = engine.flow();
    let hello = packets::tls_client_hello("www.Example.org", &["h2", "http/1.1"]);
    feed(&mut flow, &ends(443).handshake());
    feed(&mut flow, &[ends(443).request(&hello)]);
    let metadata = flow.metadata();
    let tls = metadata.tls.expect("TLS");
    assert_eq!(tls.server_name.as_deref(), Some("www.example.org"));
    assert_eq!(tls.offered_alpns, ["h2", "http/1.1"]);
    assert_eq!(tls.supported_versions, ["TLSv1.3", "TLSv1.2"]);
    assert_eq!(tls.ja4.as_deref(), flow.ja4().as_deref());
    assert!(tls.ja4.expect("JA4").starts_with("t13d0306h2_"));
    assert_eq!(flow.alpn().as_deref(), Some("h2,http/1.1"));
    assert_eq!((tls.certificate, tls.quic, tls.encrypted_hello), (None, None, None));
    assert_eq!((tls.chosen_alpn, tls.cipher, tls.ja3s), (None, None, None), "no server yet");
    assert_eq!((metadata.dns, metadata.ssh, metadata.http), (None, None, None));
}

#[test]
fn dns() {
    let Some(engine) = engine() else { return };
    let ends = ends(53);
    let query = packets::dns_query("www.example.org");
    let mut answer = query.clone();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[7] = 2;
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 198, 18, 7, 7]);
    answer.extend([0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16]);
    answer.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);

    let mut flow = engine.flow();
    feed(&mut flow, &[ends.datagram(&query)]);
    let asked = flow.metadata().dns.expect("DNS");
    assert_eq!(asked.name.as_deref(), Some("www.example.org"));
    assert_eq!((asked.query_type, asked.transaction, &asked.response), (1, 0x1234, &None));

    feed(&mut flow, &[ends.reply(&answer)]);
    let metadata = flow.metadata();
    let response = metadata.dns.expect("DNS").response.expect("it was answered");
    assert_eq!((response.code, response.answers), (0, 2));
    assert_eq!(
        response.addresses,
        [
            DnsAddress { address: "198.18.7.7".parse().unwrap(), ttl: 300 },
            DnsAddress { address: "2001:db8::5".parse().unwrap(), ttl: 60 },
        ]
    );
    assert_eq!((metadata.tls, metadata.ssh, metadata.http, metadata.tcp), (None, None, None, None));
}

#[test]
fn ssh() {
    let Some(engine) = engine() else { return };
    let mut flow = engine.flow();
    let client = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
    let server = b"SSH-2.0-OpenSSH_8.4p1 Debian-5\r\n";
    exchange(&mut flow, &ends(22), client, server);
    let ssh = flow.metadata().ssh.expect("SSH");
    assert_eq!(ssh.client.as_deref(), Some("SSH-2.0-OpenSSH_9.2p1 Debian-2"));
    assert_eq!(ssh.server.as_deref(), Some("SSH-2.0-OpenSSH_8.4p1 Debian-5"));
    assert_eq!(ssh.hassh_client, None, "no key exchange yet");
}

#[test]
fn nothing_is_known_of_a_new_flow() {
    let Some(engine) = engine() else { return };
    let mut flow = engine.flow();
    assert_eq!(flow.classification(), ndpi::Classification::default());
    assert_eq!(flow.metadata(), ndpi::Metadata::default());
    assert_eq!((flow.hostname(), flow.ja4(), flow.alpn()), (None, None, None));
    assert!(flow.stack().protocols().is_empty());
    assert_eq!(flow.processed_packets(), 0);
    assert_eq!(flow.give_up().state, State::Classified, "though it never had a packet");
}

#[test]
fn guesses_come_without_metadata() {
    let Some(engine) = engine() else { return };
    let known = |port| {
        let mut flow = engine.flow();
        feed(&mut flow, &[ends(port).request(b"\x00\x01nothing that anybody knows")]);
        let found = flow.give_up();
        assert!(found.guessed, "{port}");
        let metadata = flow.metadata();
        (engine.app_name(found.app), metadata.tls, metadata.dns, metadata.ssh)
    };
    for (port, name) in [(443, "TLS"), (53, "DNS"), (22, "SSH")] {
        assert_eq!(known(port), (name.into(), None, None, None));
    }
}

#[test]
fn names_that_are_no_utf_8_are_replaced() {
    let Some(engine) = engine() else { return };
    let mut flow = engine.flow();
    let mut request = packets::http_get("www.example.org", "/caf\u{e9}", "agent");
    let place = request.windows(2).position(|pair| pair == "\u{e9}".as_bytes()).unwrap();
    request.remove(place + 1);
    feed(&mut flow, &ends(80).handshake());
    feed(&mut flow, &[ends(80).request(&request)]);
    let url = flow.metadata().http.expect("HTTP").url.expect("a URL");
    assert!(url.starts_with("www.example.org/caf"), "{url:?}");
}

#[test]
fn risks_come_with_what_raised_them_and_can_be_set() {
    let Some(engine) = engine() else { return };
    let mut flow = engine.flow();
    let request = packets::http_get("198.18.0.2", "/", "agent");
    feed(&mut flow, &ends(80).handshake());
    feed(&mut flow, &[ends(80).request(&request)]);
    let details = flow.metadata().risk_details;
    let risks = flow.classification().risks;
    assert!(!details.is_empty());
    assert!(details.iter().all(|(risk, _)| risks.0 >> risk & 1 == 1), "{details:?} {risks:?}");

    // Bits that mean nothing are left out.
    let anonymous = 45;
    flow.add_risks(Risks(1 << anonymous | 1 << 60 | 1));
    assert_eq!(flow.classification().risks.0, risks.0 | 1 << anonymous);
    flow.remove_risks(Risks(u64::MAX));
    assert!(flow.classification().risks.is_empty());
    assert!(Severity::Low < Severity::Emergency);
}

#[test]
fn json_is_ndpis_own() {
    let Some(engine) = engine() else { return };
    let mut flow = engine.flow();
    let hello = packets::tls_client_hello("www.example.org", &["h2"]);
    feed(&mut flow, &ends(443).handshake());
    feed(&mut flow, &[ends(443).request(&hello)]);
    let json: serde_json::Value = serde_json::from_str(&flow.json().unwrap()).unwrap();
    assert_eq!(json["ndpi"]["proto"], "TLS");
    assert_eq!(json["ndpi"]["hostname"], "www.example.org");
    assert_eq!(json["ndpi"]["tls"]["advertised_alpns"], "h2");

    let mut endpoints = Endpoints {
        client: "198.18.0.1:40000".parse().unwrap(),
        server: "198.18.0.2:443".parse().unwrap(),
        protocol: 6,
        vlan: 7,
    };
    let json: serde_json::Value =
        serde_json::from_str(&flow.json_with(&endpoints).unwrap()).unwrap();
    assert_eq!((&json["src_ip"], &json["dest_ip"]), (&"198.18.0.1".into(), &"198.18.0.2".into()));
    assert_eq!((&json["src_port"], &json["dst_port"]), (&40_000.into(), &443.into()));
    assert_eq!((&json["proto"], &json["vlan_id"]), (&"TCP".into(), &7.into()));
    assert_eq!(json["ndpi"]["proto"], "TLS");

    endpoints.server = "[2001:db8::2]:443".parse().unwrap();
    assert_eq!(flow.json_with(&endpoints), Err(JsonError::Families));
    endpoints.client = "[2001:db8::1]:40000".parse().unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&flow.json_with(&endpoints).unwrap()).unwrap();
    assert_eq!(json["src_ip"], "2001:db8::1");
}
