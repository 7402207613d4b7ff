//! How often a flow was answered.

use hashbrown::HashMap;

use ndpi_flow::FlowKey;

/// Flows in one generation: as many as a table of 2^16 places holds, of which two take 7 MiB.
const GENERATION: usize = 7 << 13;

/// Counts answers by flow, in bounded memory: of more flows than fit, those go first that were
/// answered longest ago, and not before [`GENERATION`] others were answered since.
#[derive(Debug)]
pub(crate) struct Answered {
    most: u32,
    generation: usize,
    young: HashMap<FlowKey, u32>,
    old: HashMap<FlowKey, u32>,
}

impl Answered {
    /// At most `most` answers a flow.
    pub(crate) fn new(most: u32) -> Self {
        Self::with_generation(most, GENERATION)
    }

    fn with_generation(most: u32, generation: usize) -> Self {
        Self { most, generation, young: HashMap::new(), old: HashMap::new() }
    }

    /// Whether the flow may be answered once more.
    pub(crate) fn may(&self, key: &FlowKey) -> bool {
        self.count(key) < self.most
    }

    /// Notes an answer.
    pub(crate) fn note(&mut self, key: FlowKey) {
        let count = self.count(&key).saturating_add(1);
        if self.young.len() >= self.generation && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, count);
    }

    /// A later flow with this key starts from the beginning.
    pub(crate) fn forget(&mut self, key: &FlowKey) {
        self.young.remove(key);
        self.old.remove(key);
    }

    fn count(&self, key: &FlowKey) -> u32 {
        self.young.get(key).or_else(|| self.old.get(key)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Key, KeyV4};

    use super::Answered;

    fn key(port: u16) -> Key {
        Key::V4(KeyV4::new(([198, 18, 0, 1], port), ([198, 18, 0, 2], 443), 0, 6).0)
    }

    #[test]
    fn a_flow_is_answered_so_many_times_and_no_more() {
        let mut answered = Answered::new(2);
        for _ in 0..2 {
            assert!(answered.may(&key(1)));
            answered.note(key(1));
        }
        assert!(!answered.may(&key(1)) && answered.may(&key(2)));
        answered.forget(&key(1));
        assert!(answered.may(&key(1)));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_go_first() {
        let mut answered = Answered::with_generation(1, 10);
        (0..1000).for_each(|port| answered.note(key(port)));
        assert!(answered.young.len() + answered.old.len() <= 20);
        assert!(answered.may(&key(0)) && (990..1000).all(|port| !answered.may(&key(port))));
    }

    #[test]
    fn a_flow_that_goes_on_is_not_forgotten() {
        let mut answered = Answered::with_generation(1000, 10);
        for port in 1..500 {
            answered.note(key(0));
            answered.note(key(port));
        }
        assert_eq!(answered.count(&key(0)), 499);
    }
}
