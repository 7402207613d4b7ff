//! A detector that is shown handshakes late.

use std::cell::Cell;

use ndpi::{Classification, State};
use testkit::packets;
use testkit::tcp::Connection;

use crate::classify::{Deferring, Detector, Packet};
use crate::flow::{Details, RuleTexts};

/// Keeps what it is shown, and counts the flows that it was to have a state of.
#[derive(Default)]
struct Shown {
    opened: Cell<usize>,
}

impl Detector for &Shown {
    type Flow = Vec<(Vec<u8>, u64)>;

    fn open(&self) -> Self::Flow {
        self.opened.set(self.opened.get() + 1);
        Vec::new()
    }

    fn inspect(&self, flow: &mut Self::Flow, l3: &[u8], time_ms: u64) -> Classification {
        flow.push((l3.to_vec(), time_ms));
        self.classification(flow)
    }

    fn classification(&self, flow: &Self::Flow) -> Classification {
        Classification { risks: ndpi::Risks(flow.len() as u64), ..Classification::default() }
    }

    fn give_up(&self, flow: &mut Self::Flow) -> Classification {
        Classification { state: State::Classified, ..self.classification(flow) }
    }

    fn rule_texts<'f>(&self, _flow: &'f Self::Flow) -> RuleTexts<'f> {
        RuleTexts::default()
    }

    fn details(&self, flow: &Self::Flow) -> Details {
        let times: Vec<_> = flow.iter().map(|(_, time_ms)| time_ms.to_string()).collect();
        Details::new(&times.join(" "), "", "")
    }

    fn first_packet(&self, flow: &mut Self::Flow) -> Option<Classification> {
        Some(self.classification(flow))
    }
}

/// SYN, SYN+ACK, ACK.
fn handshake() -> [Vec<u8>; 3] {
    Connection::new(1, 443).handshake().map(|segment| segment.l3())
}

#[test]
fn a_handshake_is_shown_with_what_comes_behind_it_in_order_and_with_its_times() {
    let shown = Shown::default();
    let detector = Deferring(&shown);
    let mut flow = detector.open();
    for (time_ms, l3) in (10..).zip(handshake()) {
        assert_eq!(detector.inspect(&mut flow, &l3, time_ms), Classification::default());
    }
    assert_eq!(shown.opened.get(), 0, "nobody has said anything yet");
    let hello = Connection::new(1, 443).data(0, b"hello").l3();
    assert_eq!(detector.inspect(&mut flow, &hello, 20).risks.0, 4);
    assert_eq!(detector.details(&flow).hostname(), Some("10 11 12 20"));
    // What is behind it waits for nothing.
    let [_, _, ack] = handshake();
    assert_eq!(detector.inspect(&mut flow, &ack, 21).risks.0, 5);
    assert_eq!(shown.opened.get(), 1);
}

#[test]
fn what_waited_is_shown_to_whoever_asks() {
    let shown = Shown::default();
    let detector = Deferring(&shown);
    let [syn, ..] = handshake();
    let waiting = || {
        let mut flow = detector.open();
        detector.inspect(&mut flow, &syn, 10);
        flow
    };
    assert_eq!(detector.give_up(&mut waiting()).risks.0, 1);
    assert_eq!(detector.first_packet(&mut waiting()).map(|said| said.risks.0), Some(1));
    assert_eq!(detector.first_packet(&mut detector.open()), None);
}

#[test]
fn few_packets_wait_and_only_those_of_tcp_without_payload() {
    let shown = Shown::default();
    let detector = Deferring(&shown);
    let [syn, ..] = handshake();
    let mut flow = detector.open();
    let seen = (0..6).map(|_| detector.inspect(&mut flow, &syn, 1).risks.0).collect::<Vec<_>>();
    assert_eq!(seen, [0, 0, 0, 0, 5, 6]);
    let others = [packets::udp([1, 443], false, b""), vec![0x45], Vec::new()];
    for l3 in others {
        assert_eq!(detector.inspect(&mut detector.open(), &l3, 1).risks.0, 1, "{l3:?}");
    }
}

#[test]
fn several_packets_are_looked_at_as_one_after_the_other() {
    let shown = Shown::default();
    let detector = Deferring(&shown);
    let [syn, answer, _] = handshake();
    let mut flow = detector.open();
    let packets = [&syn, &answer].map(|l3| Packet { l3, time_ms: 1 });
    assert_eq!(detector.inspect_all(&mut flow, &packets).risks.0, 0);
    assert_eq!(detector.give_up_after(&mut flow, &packets).risks.0, 4);
}
