//! Payloads of a few flows through nDPI itself, as the fuzzer and the test that replays its corpus feed it.

use ndpi::{Classification, Engine};
use ndpi_common::{Direction, KeyV4};
use ndpi_flow::{
    Accounting, Classifier, Deferring, End, FlowEntry, FlowKey, Judge, Moment, RuleTexts, Sample,
    Settings, Sink, Timeouts, Verdict,
};

/// Ports of servers, by which nDPI tries some protocols first.
const SERVERS: [u16; 8] = [443, 80, 53, 5060, 22, 25, 3478, 40_001];

/// Decides on no flow: nDPI looks at all that comes.
struct Nobody;

impl<F> Judge<F> for Nobody {
    fn judge(
        &mut self,
        _flow: &FlowEntry<F>,
        _classification: &Classification,
        _texts: &RuleTexts<'_>,
        _moment: Moment,
    ) -> Option<Verdict> {
        None
    }
}

impl<F> Sink<F> for Nobody {
    fn rules(&mut self) -> &mut impl Judge<F> {
        self
    }

    fn decided(&mut self, _flow: &mut FlowEntry<F>, _sample: &Sample) {}

    fn finished(&mut self, _flow: FlowEntry<F>, _end: End) {}
}

/// Takes packets out of `data`: a byte that says of which of eight flows one is, whether that is UDP, and who sends it; two for
/// the length of its payload, and that. Headers are right: the kernel shows no others.
pub(super) fn run(engine: &Engine, mut data: &[u8]) {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        max_flows: SERVERS.len() * 2,
        accounting: Accounting::Kernel,
        // nDPI by itself: what is read of streams has targets of its own.
        normalise: false,
    };
    let mut classifier = Classifier::new(Deferring(engine), settings);
    let (mut time_ns, mut sent) = (0, [0_u32; 2]);
    while let Some((&[bits, high, low], rest)) = data.split_first_chunk() {
        let length = u16::from_be_bytes([high, low]) & 0x7ff;
        let (payload, rest) = rest.split_at(usize::from(length).min(rest.len()));
        data = rest;
        let (port, is_udp) = (SERVERS[usize::from(bits & 7)], bits & 8 != 0);
        let direction = if bits & 16 == 0 { Direction::FromLower } else { Direction::FromUpper };
        let l3 = packet(port, is_udp, direction, sent, payload);
        sent[direction as usize] = sent[direction as usize].wrapping_add(length.into());
        let proto = if is_udp { 17 } else { 6 };
        let key = KeyV4::new((CLIENT, 40_000), (SERVER, port), 0, proto).0;
        classifier.sample(&Sample::new(FlowKey::V4(key), direction, time_ns, &l3), &mut Nobody);
        time_ns += 1_000_000;
    }
    classifier.end_all(&mut Nobody);
}

const CLIENT: [u8; 4] = [198, 18, 0, 1];
const SERVER: [u8; 4] = [198, 18, 0, 2];

/// A packet from its IP header on. Checksums are 0: nDPI looks at none.
fn packet(
    port: u16,
    is_udp: bool,
    direction: Direction,
    sent: [u32; 2],
    payload: &[u8],
) -> Vec<u8> {
    let ends = [(CLIENT, 40_000_u16), (SERVER, port)];
    let (from, to) = match direction {
        Direction::FromLower => (ends[0], ends[1]),
        Direction::FromUpper => (ends[1], ends[0]),
    };
    let ports = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
    let transport = if is_udp {
        let length = u16::try_from(8 + payload.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&ports[..], &length, &[0, 0]].concat()
    } else {
        let own = sent[direction as usize].wrapping_add(1).to_be_bytes();
        let other = sent[1 - direction as usize].wrapping_add(1).to_be_bytes();
        // ACK and PSH, with a window.
        [&ports[..], &own, &other, &[0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]].concat()
    };
    let length = u16::try_from(20 + transport.len() + payload.len()).unwrap_or(u16::MAX);
    let proto = if is_udp { 17 } else { 6 };
    let ip = [&[0x45, 0][..], &length.to_be_bytes(), &[0, 0, 0x40, 0, 64, proto, 0, 0]].concat();
    [&ip[..], &from.0, &to.0, &transport, payload].concat()
}
