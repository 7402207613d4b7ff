//! The state of a flow, packet by packet.

use ndpi::{Classification, Confidence, Direction, Engine, Flow, Hints, State};
use ndpi_sys::packets;

use crate::common::{START_MS, ends, engine};

fn feed(flow: &mut Flow<&Engine>, packets: &[Vec<u8>]) -> Vec<Classification> {
    let hints = Hints::default();
    (START_MS..).zip(packets).map(|(time, packet)| flow.process_with(packet, time, hints)).collect()
}

fn seen(engine: &Engine, steps: &[Classification]) -> Vec<(State, String)> {
    steps.iter().map(|step| (step.state, engine.app_name(step.app))).collect()
}

#[test]
fn http_is_known_with_the_request_and_final_with_the_response() {
    let Some(engine) = engine() else { return };
    let ends = ends(80);
    let mut flow = engine.flow();
    assert!(feed(&mut flow, &ends.handshake()).iter().all(|step| step.state == State::Inspecting));

    let request = packets::http_get("www.example.org", "/index.html", "curl/8.0");
    let response = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok";
    let steps = feed(&mut flow, &[ends.request(&request), ends.response(response)]);
    assert_eq!(
        seen(&engine, &steps),
        [(State::Partial, "HTTP".into()), (State::Classified, "HTTP".into())]
    );
    assert_eq!(steps[0].confidence, Confidence::Dpi);
    assert_eq!(flow.hostname().as_deref(), Some("www.example.org"));
}

#[test]
fn a_query_is_dns_and_its_answer_the_end() {
    let Some(engine) = engine() else { return };
    let ends = ends(53);
    let query = packets::dns_query("www.example.org");
    let mut answer = query.clone();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[7] = 1;
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 7, 7]);
    let mut flow = engine.flow();
    let steps = feed(&mut flow, &[ends.datagram(&query), ends.reply(&answer)]);
    assert_eq!(
        seen(&engine, &steps),
        [(State::Partial, "DNS".into()), (State::Classified, "DNS".into())]
    );
}

#[test]
fn giving_up_keeps_what_is_known_and_cannot_be_undone() {
    let Some(engine) = engine() else { return };
    let ends = ends(443);
    let hello = packets::tls_client_hello("www.facebook.com", &["h2"]);
    let mut flow = engine.flow();
    feed(&mut flow, &ends.handshake());
    let steps = feed(&mut flow, &[ends.request(&hello)]);
    assert_eq!(seen(&engine, &steps), [(State::Partial, "TLS.Facebook".into())]);
    assert!(!flow.gave_up());

    let last = flow.give_up();
    assert_eq!((last.state, last.app), (State::Classified, steps[0].app));
    assert_eq!((last.confidence, last.guessed), (Confidence::Dpi, false));
    assert!(flow.gave_up());
    assert_eq!(flow.give_up(), last, "a second time changes nothing");
    let request = packets::http_get("www.example.org", "/", "agent");
    assert_eq!(feed(&mut flow, &[ends.request(&request)]), [last], "nor do packets");
}

#[test]
fn what_only_the_port_says_is_a_guess() {
    let Some(engine) = engine() else { return };
    let mut flow = engine.flow();
    let steps = feed(&mut flow, &[ends(443).request(b"\x00\x01nothing that anybody knows")]);
    assert_eq!(seen(&engine, &steps), [(State::Inspecting, "Unknown".into())]);
    let last = flow.give_up();
    assert_eq!(engine.app_name(last.app), "TLS");
    assert_eq!((last.confidence, last.guessed), (Confidence::MatchByPort, true));
}

#[test]
fn direction_hints_are_taken_for_each_packet_anew() {
    let Some(engine) = engine() else { return };
    let ends = ends(22);
    let packets = [ends.request(b"SSH-2.0-client\r\n"), ends.response(b"SSH-2.0-server\r\n")];
    let banners = |directions: [Option<Direction>; 2]| {
        let mut flow = engine.flow();
        for (packet, direction) in packets.iter().zip(directions) {
            flow.process_with(packet, START_MS, Hints { direction, beginning: Some(false) });
        }
        let ssh = flow.metadata().ssh.expect("SSH");
        [ssh.client.unwrap_or_default(), ssh.server.unwrap_or_default()]
    };
    let (there, back) = (Some(Direction::ToServer), Some(Direction::ToClient));
    assert_eq!(banners([there, back]), ["SSH-2.0-client", "SSH-2.0-server"]);
    assert_eq!(banners([None, None]), ["SSH-2.0-client", "SSH-2.0-server"], "found by itself");
    assert_eq!(banners([back, there]), ["SSH-2.0-server", "SSH-2.0-client"], "as told");
}

#[test]
fn engines_and_builders_can_be_moved_to_their_thread() {
    let Some(engine) = engine() else { return };
    let builder = engine.library().engine();
    let there = std::thread::spawn(move || {
        let other = builder.build().unwrap();
        let query = ends(53).datagram(&packets::dns_query("www.example.org"));
        let process = |engine: &Engine| engine.flow().process(&query, START_MS);
        (process(&engine), process(&other))
    });
    let (one, other) = there.join().unwrap();
    assert_eq!(one, other);
}
