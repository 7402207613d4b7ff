//! Which interfaces packets are read from: that programs are attached does not say so, least of all on
//! an interface whose packets begin in an unusual way.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use crate::interfaces::Roster;
use crate::locked::locked;

/// Says of each interface once that packets of it are read. One for each worker; clones know of one another.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals {
    /// Mostly a packet comes by where the last one did.
    last: Option<u32>,
    /// Those that this worker has seen packets of.
    seen: HashSet<u32>,
    /// Those that any worker has.
    said: Arc<Mutex<HashSet<u32>>>,
}

impl Arrivals {
    /// Notes that a packet was parsed that crossed the interface of this index.
    pub(super) fn note(&mut self, ifindex: u32, interfaces: &Roster) {
        if self.is_first(ifindex)
            && let Some(name) = interfaces.name(ifindex)
        {
            log::info!("{name}: packets are read");
        }
    }

    fn is_first(&mut self, ifindex: u32) -> bool {
        // The others are asked for the first packet alone.
        self.last.replace(ifindex) != Some(ifindex)
            && self.seen.insert(ifindex)
            && locked(&self.said).insert(ifindex)
    }
}

#[cfg(test)]
mod tests {
    use super::Arrivals;

    #[test]
    fn each_interface_is_told_once() {
        let mut arrivals = Arrivals::default();
        let first: Vec<_> = [3, 3, 7, 3, 7].map(|index| arrivals.is_first(index)).into();
        assert_eq!(first, [true, false, true, false, false]);
    }

    #[test]
    fn all_workers_together_say_it_once() {
        let mut one = Arrivals::default();
        let mut other = one.clone();
        assert!(one.is_first(3) && !other.is_first(3));
        assert!(other.is_first(7) && !one.is_first(7));
    }
}
