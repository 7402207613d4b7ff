//! The state of a flow, packet by packet.

mod common;

use common::{START_MS, ends, engine};
use ndpi::{Classification, Confidence, Engine, Flow, Hints, State};
use ndpi_sys::packets;

fn feed(flow: &mut Flow<'_>, packets: &[Vec<u8>]) -> Vec<Classification> {
    let hints = Hints::default();
    (START_MS..).zip(packets).map(|(time, packet)| flow.process(packet, time, hints)).collect()
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
