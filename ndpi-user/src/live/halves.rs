//! Interfaces on which flows are seen in one direction only: nDPI recognises few of those, so that few are
//! blocked, and nothing else would say so.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ndpi_common::parse::proto;
use ndpi_events::{Directions, Event, Source, Status, Time};
use ndpi_flow::{FlowEntry, tcp};

use crate::interfaces::Roster;
use crate::locked::locked;

/// Flows after which an interface is judged.
const ENOUGH: u64 = 20;

/// How much was seen of a TCP connection that carried something: nothing else says for certain that there
/// was another direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Half,
}

impl Part {
    /// What was seen of a flow; `None` where that says nothing. What answers a made-up SYN, and what nobody
    /// answers, is no half of a connection.
    fn of<F>(flow: &FlowEntry<F>) -> Option<Self> {
        let carries = |flags: u8| flags & tcp::ACK != 0 && flags & (tcp::PSH | tcp::FIN) != 0;
        let [lower, upper] = flow.tcp_seen;
        let is_tcp = flow.key.proto() == proto::TCP;
        match (lower, upper) {
            (0, one) | (one, 0) if is_tcp && carries(one) => Some(Self::Half),
            (0, _) | (_, 0) => None,
            _ if is_tcp && (carries(lower) || carries(upper)) => Some(Self::Whole),
            _ => None,
        }
    }
}

/// What was seen of an interface's flows since it was judged last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    flows: u64,
    halves: u64,
    /// It was judged to see halves.
    is_halved: bool,
}

impl Tally {
    fn add(&mut self, part: Part) {
        self.flows += 1;
        self.halves += u64::from(part == Part::Half);
    }

    /// Judges, once there are enough flows: returns the counts where the judgement is another than before.
    /// At half of the flows it begins, at a quarter it is over.
    fn judge(&mut self) -> Option<Self> {
        if self.flows < ENOUGH {
            return None;
        }
        let before = self.is_halved;
        self.is_halved = self.halves * if before { 4 } else { 2 } >= self.flows;
        let judged = *self;
        (self.flows, self.halves) = (0, 0);
        (judged.is_halved != before).then_some(judged)
    }
}

/// What was seen on each interface; shared by all threads.
#[derive(Debug)]
pub struct Halves {
    tallies: Mutex<BTreeMap<u32, Tally>>,
    interfaces: Roster,
    source: Mutex<Source>,
}

impl Halves {
    /// Nothing was seen yet on `interfaces`. What is reported comes from `source`.
    pub fn new(interfaces: Roster, source: Source) -> Self {
        Self { tallies: Mutex::default(), interfaces, source: Mutex::new(source) }
    }

    /// Counts a flow that is over.
    pub fn count<F>(&self, flow: &FlowEntry<F>) {
        if let Some(part) = Part::of(flow) {
            let mut tallies = locked(&self.tallies);
            tallies.entry(flow.ifindex).or_default().add(part);
        }
    }

    /// Reports the interfaces on which it begins that flows are halves, or is over, at `now_ns` (since the
    /// Unix epoch).
    pub fn look(&self, now_ns: u64) {
        let mut tallies = locked(&self.tallies);
        for (index, tally) in tallies.iter_mut() {
            if let Some(judged) = tally.judge() {
                self.report(*index, judged, now_ns);
            }
        }
    }

    fn report(&self, index: u32, judged: Tally, now_ns: u64) {
        let iface = self.interfaces.name(index).unwrap_or_else(|| "?".into());
        let Tally { flows, halves, is_halved } = judged;
        let time = Time::from_ns(now_ns);
        let directions = Directions { time, iface: iface.to_string(), flows, halves };
        let state = if is_halved { Status::OneDirectional } else { Status::BothDirections };
        let mut source = locked(&self.source);
        source.publish(time, Event::Status(state(directions)));
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Direction, Key, KeyV4};
    use ndpi_flow::tcp::{ACK, FIN, PSH, RST, SYN};
    use ndpi_flow::{FlowEntry, Sample};

    use super::{ENOUGH, Halves, Part, Tally};
    use crate::interfaces::Roster;
    use crate::testing::bus;

    fn flow(proto: u8, tcp_seen: [u8; 2]) -> FlowEntry<()> {
        let (key, direction) = KeyV4::new(([198, 18, 0, 1], 1), ([198, 18, 0, 2], 2), 0, proto);
        assert_eq!(direction, Direction::FromLower);
        let sample = Sample { ifindex: 3, ..Sample::new(Key::V4(key), direction, 0, &[]) };
        let mut flow = FlowEntry::new(&sample, ());
        flow.tcp_seen = tcp_seen;
        flow
    }

    #[test]
    fn only_what_carried_something_is_a_half() {
        let part = |lower, upper| Part::of(&flow(6, [lower, upper]));
        assert_eq!(part(SYN | ACK | PSH, 0), Some(Part::Half));
        assert_eq!(part(0, SYN | ACK | FIN), Some(Part::Half));
        assert_eq!(part(SYN | ACK | PSH, SYN | ACK), Some(Part::Whole));
        // A port scan, the answers to made-up senders, and a refusal.
        assert_eq!(part(SYN, 0), None);
        assert_eq!(part(0, SYN | ACK), None);
        assert_eq!(part(SYN, RST | ACK), None);
        assert_eq!(Part::of(&flow(17, [0, 0])), None);
    }

    #[test]
    fn an_interface_is_judged_by_enough_flows() {
        let judge = |is_halved, flows, halves| Tally { flows, halves, is_halved }.judge();
        let begins = |flows, halves| judge(false, flows, halves).is_some();
        let ends = |flows, halves| judge(true, flows, halves).is_some();
        assert!(!begins(ENOUGH - 1, ENOUGH - 1));
        assert!(begins(ENOUGH, ENOUGH / 2) && !begins(ENOUGH, ENOUGH / 2 - 1));
        assert!(!ends(ENOUGH, ENOUGH / 4) && ends(ENOUGH, ENOUGH / 4 - 1));
    }

    #[test]
    fn the_begin_and_the_end_are_reported_once() {
        let (bus, reported) = bus();
        let halves = Halves::new(Roster::new([(3, "eth7")]), bus.source("directions"));
        for tcp_seen in [[ACK | PSH, 0], [0, ACK | FIN], [ACK | PSH, ACK], [ACK, ACK | PSH]] {
            (0..ENOUGH).for_each(|_| halves.count(&flow(6, tcp_seen)));
            halves.look(1_000_000_000);
            halves.look(2_000_000_000);
        }
        let events = reported.events();
        let states: Vec<_> = events.iter().map(|it| it["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["one-directional", "both-directions"]);
        assert!(events.iter().all(|event| event["iface"] == "eth7"), "{events:?}");
    }
}
