//! Real traffic: nDPI's own test captures, where they are at hand.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndpi::{Engine, Flow, Metadata, State};
use ndpi_common::Key;
use testkit::places;

use crate::capture;
use crate::common::engine;
use crate::common::guarded::Guarded;

/// nDPI's own test captures, where they are at hand.
fn captures() -> Option<PathBuf> {
    places::corpus("captures").map(|corpus| corpus.join("captures"))
}

/// A packet of a flow (from 1), and the state and application that came with it.
type Step = (usize, State, String);

/// The steps of each flow of a capture. Flows are in the order of their first packets, and fed
/// until they are classified.
fn steps(engine: &Engine, capture: &Path) -> Vec<Vec<Step>> {
    let mut flows: Vec<(Flow<&Engine>, usize, Vec<Step>)> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for packet in capture::packets(capture).expect("a capture that can be read") {
        let place = *places.entry(packet.flow).or_insert_with(|| {
            flows.push((engine.flow(), 0, Vec::new()));
            flows.len() - 1
        });
        let (flow, seen, steps) = &mut flows[place];
        if flow.classification().state == State::Classified {
            continue;
        }
        *seen += 1;
        let now = flow.process(&packet.l3, packet.time_ms);
        let name = engine.app_name(now.app);
        if steps.last().is_none_or(|(_, state, app)| (*state, app) != (now.state, &name)) {
            steps.push((*seen, now.state, name));
        }
    }
    flows.into_iter().map(|(_, _, steps)| steps).collect()
}

/// The steps of the flows of a capture, as lines.
fn told(capture: &str) -> Option<Vec<Vec<String>>> {
    let (engine, captures) = (engine()?, captures()?);
    let line =
        |(packet, state, app): &(usize, State, String)| format!("{packet} {} {app}", state.name());
    let flows = steps(&engine, &captures.join(capture));
    Some(flows.iter().map(|steps| steps.iter().map(line).collect()).collect())
}

#[test]
fn youtube_over_quic_is_classified_by_one_packet() {
    let Some(flows) = told("youtube_quic.pcap") else { return };
    assert_eq!(flows[1], ["1 CLASSIFIED QUIC.YouTube"]);
}

#[test]
fn a_call_goes_from_stun_over_dtls_to_its_end() {
    let Some(flows) = told("stun_google_meet.pcapng") else { return };
    assert_eq!(
        flows[0],
        ["1 PARTIAL STUN", "3 PARTIAL STUN.GoogleCall", "7 CLASSIFIED STUN.GoogleCall"]
    );
    assert_eq!(
        flows[2],
        ["1 PARTIAL STUN.GoogleCall", "4 PARTIAL DTLS.GoogleCall", "17 CLASSIFIED DTLS.GoogleCall"]
    );
}

#[test]
fn tls_is_unknown_until_its_hello_and_final_with_the_certificate() {
    let Some(flows) = told("facebook.pcap") else { return };
    let hello = ["1 INSPECTING Unknown", "4 PARTIAL TLS.Facebook"];
    assert_eq!(flows[0], [&hello[..], &["10 CLASSIFIED TLS.Facebook"]].concat());
    assert_eq!(flows[1], [&hello[..], &["6 CLASSIFIED TLS.Facebook"]].concat());

    let Some(flows) = told("google_meet.pcapng") else { return };
    assert_eq!(flows[0][1..], ["4 PARTIAL TLS.GoogleMeet", "6 CLASSIFIED TLS.GoogleMeet"]);
    assert_eq!(flows[1], ["1 CLASSIFIED QUIC.GoogleMeet"]);
}

/// What is read out of the flows of a capture, in the order of their first packets.
fn metadata(capture: &str) -> Option<Vec<Metadata>> {
    let (engine, captures) = (engine()?, captures()?);
    let packets = capture::packets(&captures.join(capture)).expect("a capture that can be read");
    let mut flows: Vec<(Key, Flow<&Engine>)> = Vec::new();
    for packet in packets {
        if !flows.iter().any(|(key, _)| *key == packet.flow) {
            flows.push((packet.flow, engine.flow()));
        }
        let (_, flow) = flows.iter_mut().find(|(key, _)| *key == packet.flow).expect("it is there");
        flow.process(&packet.l3, packet.time_ms);
    }
    Some(flows.iter().map(|(_, flow)| flow.metadata()).collect())
}

/// The expected values are those of OpenSSL and of SHA-1 over the certificate in the capture.
#[test]
fn a_certificate_is_read_as_others_read_it() {
    let Some(flows) = metadata("ssl-cert-name-mismatch.pcap") else { return };
    let tls = flows[0].tls.clone().expect("TLS");
    assert_eq!(tls.server_name.as_deref(), Some("wrong.host.badssl.com"));
    assert_eq!(tls.version.as_deref(), Some("TLSv1.2"));
    assert_eq!(tls.cipher.as_deref(), Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
    assert_eq!(tls.chosen_alpn.as_deref(), Some("http/1.1"));
    assert_eq!(tls.ja3s.as_deref(), Some("b898351eb5e266aefd3723d466935494"));
    let certificate = tls.certificate.expect("a certificate");
    assert_eq!(
        certificate.subject.as_deref(),
        Some("C=US, ST=California, L=Walnut Creek, O=Lucas Garron Torres, CN=*.badssl.com")
    );
    assert_eq!(
        certificate.issuer.as_deref(),
        Some("C=US, O=DigiCert Inc, CN=DigiCert SHA2 Secure Server CA")
    );
    assert_eq!(certificate.names, ["*.badssl.com", "badssl.com"]);
    // 2020-03-23 00:00:00 and 2022-05-17 12:00:00.
    assert_eq!(
        (certificate.not_before, certificate.not_after),
        (Some(1_584_921_600), Some(1_652_788_800))
    );
    let sha1 = *b"\x18\x45\xb2\x16\xef\xd0\x83\x9a\x18\x51\xa9\x57\x32\x5d\xa3\x36\x21\x70\x49\xcb";
    assert_eq!(certificate.sha1, Some(sha1));
}

#[test]
fn quic_and_ssh_are_read_too() {
    let Some(flows) = metadata("quic_q43.pcap") else { return };
    let quic = flows[0].tls.clone().expect("QUIC keeps what TLS does").quic.expect("QUIC");
    assert_eq!((quic.version, quic.version_name.as_str()), (u32::from_be_bytes(*b"Q043"), "Q043"));
    assert_eq!(quic.idle_timeout, Some(30));

    let Some(flows) = metadata("ssh.pcap") else { return };
    let ssh = flows[0].ssh.clone().expect("SSH");
    assert_eq!(ssh.client.as_deref(), Some("SSH-2.0-OpenSSH_5.6"));
    assert_eq!(ssh.server.as_deref(), Some("SSH-2.0-OpenSSH_5.3"));
    assert_eq!(ssh.hassh_client.as_deref(), Some("21B457A327CE7A2D4FCE5EF2C42400BD"));
    assert_eq!(ssh.hassh_server.as_deref(), Some("B1C6C0D56317555B85C7005A3DE29325"));
}

/// Every capture, every packet: what is read from the flow is what the call returned, nothing is
/// written to a packet or read behind it, and metadata and JSON can be had at any time.
#[test]
fn the_whole_corpus_goes_through() {
    let (Some(engine), Some(captures)) = (engine(), captures()) else { return };
    let mut room = Guarded::new();
    let mut packets = 0;
    for entry in std::fs::read_dir(captures).unwrap() {
        let path = entry.unwrap().path();
        // One of them ends in the middle of a packet.
        let Ok(capture) = capture::packets(&path) else { continue };
        packets += capture.len();
        let mut flows: HashMap<Key, Flow<&Engine>> = HashMap::new();
        for packet in &capture {
            let flow = flows.entry(packet.flow).or_insert_with(|| engine.flow());
            let held = room.hold(&packet.l3);
            let said = flow.process(held, packet.time_ms);
            assert_eq!(said, flow.classification(), "{}: {:?}", path.display(), packet.flow);
            assert_eq!(flow.metadata().hostname.as_deref(), flow.hostname().as_deref());
        }
        for (key, mut flow) in flows {
            let said = flow.give_up();
            assert!(said.state.is_final(), "{}: {key:?}", path.display());
            assert_eq!(said, flow.classification(), "{}: {key:?}", path.display());
            let json = flow.json().unwrap();
            let json: serde_json::Value = serde_json::from_str(&json).expect(&json);
            assert!(json["ndpi"]["proto"].is_string(), "{json}");
        }
    }
    assert!(packets > 0, "there are captures");
}
