//! How many flows get more packets than their budget.

use crate::seconds::Seconds;

/// So many flows get more in a second at most, so that a flood of them costs no more than that.
const MOST: u32 = 1024;

/// How many flows got more packets in a second.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    seconds: Seconds,
    given: u32,
}

impl Extensions {
    /// Takes one of those of the second of `now_ns`; false where there are none left.
    pub(super) fn take(&mut self, now_ns: u64) -> bool {
        if self.seconds.begin(now_ns) {
            self.given = 0;
        }
        self.given += 1;
        self.given <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::{Extensions, MOST};

    const SECOND_NS: u64 = 1_000_000_000;

    #[test]
    fn each_second_has_its_own() {
        let mut extensions = Extensions::default();
        // Where two seconds meet, packets of either come by turns.
        let times = [5 * SECOND_NS, 5 * SECOND_NS - 1].into_iter().cycle();
        let given = times.take(3 * MOST as usize).filter(|it| extensions.take(*it)).count();
        assert_eq!(given, MOST as usize);
        assert!(extensions.take(6 * SECOND_NS));
    }
}
