//! The instance's side: a subscriber that notes the names of decided flows until they are over.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::thread;

use ndpi_common::Key;
use ndpi_events::{BusBuilder, Ends, Event, Kind, Kinds, Losses, Subscription};

use super::named::Named;
use crate::control::Batches;
use crate::locked::locked;

/// Events that may wait. Who is behind for longer misses names, and nothing else.
const WAITING: usize = 16 * 1024;

/// The names of decided flows; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct HostBook {
    noted: Arc<Mutex<Noted>>,
    losses: Losses,
}

/// Flows in the order in which they were decided, by numbers, and the number of each: what comes and goes with every
/// flow is looked up by a hash, and compared by a number.
#[derive(Debug, Default)]
struct Noted {
    by_age: BTreeMap<u64, (Key, Named)>,
    numbers: HashMap<Key, u64>,
    last: u64,
}

impl Noted {
    /// Notes a flow, for which the oldest make room beyond `most`: the end of one may have been missed. One that is
    /// there keeps its number, so that who is walking through all of them meets it once.
    fn add(&mut self, key: Key, named: Named, most: usize) {
        let number = *self.numbers.entry(key).or_insert_with(|| {
            self.last += 1;
            self.last
        });
        self.by_age.insert(number, (key, named));
        while self.by_age.len() > most
            && let Some((_, (oldest, _))) = self.by_age.pop_first()
        {
            self.numbers.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(number) = self.numbers.remove(key) {
            self.by_age.remove(&number);
        }
    }
}

impl HostBook {
    /// Subscribes, and starts a thread that notes up to `most` flows.
    pub(crate) fn start(bus: &mut BusBuilder, most: usize) -> Self {
        let kinds = Kinds::of(&[Kind::Decided, Kind::FlowEnded]);
        let mut events = bus.subscribe(kinds, |_| true, WAITING);
        let book = Self { noted: Arc::default(), losses: events.losses().clone() };
        let its = book.clone();
        thread::spawn(move || its.note_all(&mut events, most));
        book
    }

    /// What was lost.
    pub(crate) fn losses(&self) -> &Losses {
        &self.losses
    }

    fn note_all(&self, events: &mut Subscription, most: usize) {
        while let Some(envelope) = events.recv() {
            self.note(&envelope.event, most);
            events.losses().handle(1);
        }
    }

    /// Whoever can send a tunnel's packets can put any flow inside: its name is not that of the flow outside.
    fn note(&self, event: &Event, most: usize) {
        match event {
            Event::Decided(it) if it.ends.tunnels == 0 => {
                let named = named(&it.ends, it.label.hostname.clone());
                if let Some((key, _)) = named.key() {
                    locked(&self.noted).add(key, named, most);
                }
            }
            Event::FlowEnded(it) if it.ends.tunnels == 0 => {
                if let Some((key, _)) = named(&it.ends, None).key() {
                    locked(&self.noted).remove(&key);
                }
            }
            _ => {}
        }
    }

    /// All that is noted now, in lines; a batch of them at a time. It ends, however many are decided meanwhile.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Vec<u8>> + Send + use<> {
        let (book, mut batches) = (self.clone(), Batches::up_to(locked(&self.noted).last));
        std::iter::from_fn(move || batches.next(&locked(&book.noted).by_age, |_, (_, named)| named))
    }
}

fn named(ends: &Ends, hostname: Option<Box<str>>) -> Named {
    let Ends { vlan, proto, src, sport, dst, dport, .. } = *ends;
    Named { vlan, proto, src, sport, dst, dport, hostname }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndpi_events::{Decided, FlowEnded, Label, Time};

    use crate::hosts::Names;

    fn book() -> HostBook {
        HostBook { noted: Arc::default(), losses: Losses::default() }
    }

    fn ends(sport: u16) -> Ends {
        Ends {
            capture: None,
            iface: None,
            instance: None,
            vlan: 0,
            proto: 6,
            src: [198, 18, 0, 1].into(),
            sport,
            dst: [198, 18, 0, 2].into(),
            dport: 443,
            tunnels: 0,
            tunnel: None,
            src_mac: None,
            dst_mac: None,
        }
    }

    fn decided(sport: u16) -> Event {
        let label = Label { hostname: Some("www.example.org".into()), ..Label::default() };
        let (time, ends) = (Time::default(), ends(sport));
        Event::Decided(Decided { time, ends, inspected: 5, partial_at: None, label, latency_us: 9 })
    }

    fn ended(sport: u16) -> Event {
        Event::FlowEnded(FlowEnded {
            ends: ends(sport),
            packets: 0,
            bytes: 0,
            inspected: 5,
            label: Label::default(),
            leaked: None,
            dropped: None,
            first_seen: Time::default(),
            last_seen: Time::default(),
            end: "closed".into(),
            duration_us: 0,
            packets_to_server: 0,
            bytes_to_server: 0,
            packets_to_client: 0,
            bytes_to_client: 0,
            part: None,
            delta: None,
        })
    }

    #[test]
    fn a_name_is_there_until_its_flow_is_over() {
        let book = book();
        book.note(&decided(1), 1);
        let mut names = Names::default();
        for lines in book.lines() {
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                names.add(&serde_json::from_slice(line).unwrap());
            }
        }
        let names = names.complete();
        let (key, client) = locked(&book.noted).by_age.values().next().unwrap().1.key().unwrap();
        assert_eq!(names.of(&key), (Some(client), Some("www.example.org")));
        book.note(&ended(1), 1);
        assert_eq!(book.lines().count(), 0);
    }

    #[test]
    fn what_is_inside_of_a_tunnel_changes_nothing_outside() {
        let book = book();
        let inside = |mut event| {
            match &mut event {
                Event::Decided(it) => {
                    it.ends.tunnels = 1;
                    it.label.hostname = Some("forged.example.org".into());
                }
                Event::FlowEnded(it) => it.ends.tunnels = 1,
                _ => unreachable!("there are no others here"),
            }
            event
        };
        book.note(&decided(1), 9);
        book.note(&inside(decided(1)), 9);
        book.note(&inside(ended(1)), 9);
        let noted = locked(&book.noted);
        let names: Vec<_> =
            noted.by_age.values().map(|(_, named)| named.hostname.as_deref()).collect();
        assert_eq!(names, [Some("www.example.org")]);
    }

    #[test]
    fn a_walk_ends_with_what_there_was_and_has_each_flow_once() {
        let book = book();
        for port in 0..600 {
            book.note(&decided(port), 2000);
        }
        let mut walk = book.lines();
        let first = walk.next().unwrap();
        // Decided again, before and behind the walker; and others for the first time.
        for port in [0, 599].into_iter().chain(1000..1600) {
            book.note(&decided(port), 2000);
        }
        let all = [first, walk.flatten().collect()].concat();
        let ports = all.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let ports = ports.map(|line| serde_json::from_slice::<Named>(line).unwrap().sport);
        assert!(ports.eq(0..600));
    }

    #[test]
    fn there_are_no_more_than_there_is_room_for() {
        let book = book();
        book.note(&decided(1), 0);
        assert_eq!(book.lines().count(), 0);
        for port in 0..3000 {
            book.note(&decided(port), 2000);
        }
        let noted = locked(&book.noted);
        assert_eq!((noted.numbers.len(), noted.by_age.len()), (2000, 2000));
        let oldest = noted.by_age.values().map(|(_, named)| named.sport).min();
        assert_eq!(oldest, Some(1000), "the newest stay");
        drop(noted);
        let lines = book.lines().map(|it| String::from_utf8(it).unwrap().lines().count());
        assert_eq!(lines.collect::<Vec<_>>(), [512, 512, 512, 464]);
    }
}
