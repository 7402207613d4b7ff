//! Which wires stand, and which are to be laid.

use std::time::{Duration, Instant};

/// The shortest and the longest wait after a wire could not be laid.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];

/// Two interfaces that are to be joined, by name.
#[derive(Debug)]
pub(super) struct PlannedWire {
    pub(super) ends: [String; 2],
    /// The interfaces that are joined, by index.
    joined: Option<[u32; 2]>,
    due: Instant,
    wait: Duration,
    said: Option<String>,
}

impl PlannedWire {
    pub(super) fn new(ends: [String; 2], now: Instant) -> Self {
        Self { ends, joined: None, due: now, wait: WAITS[0], said: None }
    }

    pub(super) fn has_end(&self, name: &str) -> bool {
        self.ends.iter().any(|end| end == name)
    }

    /// It is to be laid again at once, whatever stands.
    pub(super) fn renew(&mut self, now: Instant) {
        (self.joined, self.due, self.wait) = (None, now, WAITS[0]);
    }

    /// The interfaces to join now, if there are both and they are not joined yet.
    pub(super) fn due(&mut self, ends: [Option<u32>; 2], now: Instant) -> Option<[u32; 2]> {
        let [Some(left), Some(right)] = ends else {
            self.joined = None;
            return None;
        };
        (self.joined != Some([left, right]) && now >= self.due).then_some([left, right])
    }

    /// Notes that these are joined.
    pub(super) fn stands(&mut self, ends: [u32; 2], now: Instant) {
        self.renew(now);
        (self.joined, self.said) = (Some(ends), None);
    }

    /// Notes why they could not be joined; says whether that is news.
    pub(super) fn refused(&mut self, why: &str, now: Instant) -> bool {
        self.due = now + self.wait;
        self.wait = (2 * self.wait).min(WAITS[1]);
        self.said.replace(why.to_owned()).is_none_or(|said| said != why)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::PlannedWire;

    #[test]
    fn a_wire_is_laid_when_both_ends_are_there_and_again_when_one_is_another() {
        let now = Instant::now();
        let mut wire = PlannedWire::new(["a".into(), "b".into()], now);
        assert!(wire.has_end("b") && !wire.has_end("c"));
        assert_eq!(wire.due([Some(1), None], now), None);
        assert_eq!(wire.due([Some(1), Some(2)], now), Some([1, 2]));
        wire.stands([1, 2], now);
        assert_eq!(wire.due([Some(1), Some(2)], now), None);
        assert_eq!(wire.due([Some(3), Some(2)], now), Some([3, 2]));
        wire.stands([3, 2], now);
        assert_eq!(wire.due([Some(3), Some(2)], now), None);
        wire.renew(now);
        assert_eq!(wire.due([Some(3), Some(2)], now), Some([3, 2]));
    }

    #[test]
    fn a_refusal_is_said_once_and_tried_again_later_and_later() {
        let mut now = Instant::now();
        let mut wire = PlannedWire::new(["a".into(), "b".into()], now);
        assert!(wire.refused("no", now));
        let mut tries = 0;
        for _ in 0..600 {
            now += Duration::from_secs(1);
            if wire.due([Some(1), Some(2)], now).is_some() {
                tries += 1;
                assert!(!wire.refused("no", now));
            }
        }
        assert!((10..20).contains(&tries), "{tries} tries in ten minutes");
        assert!(wire.refused("another reason", now));
    }
}
