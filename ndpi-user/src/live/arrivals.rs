//! Which interfaces packets are read from: that programs are attached does not say so, least of all on
//! an interface whose packets begin in an unusual way.

use std::collections::HashSet;

use crate::interfaces::Roster;

/// Says of each interface once that packets of it are read.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    last: Option<u32>,
    seen: HashSet<u32>,
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
        // Mostly it is the one of the last packet.
        self.last.replace(ifindex) != Some(ifindex) && self.seen.insert(ifindex)
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
}
