//! How many flows get more packets than their budget.

/// So many flows get more in a second at most, so that a flood of them costs no more than that.
const MOST: u32 = 1024;
const SECOND_NS: u64 = 1_000_000_000;

/// How many flows got more packets in a second.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    second: u64,
    given: u32,
}

impl Extensions {
    /// Takes one of those of the second of `now_ns`; false where there are none left.
    pub(super) fn take(&mut self, now_ns: u64) -> bool {
        let second = now_ns / SECOND_NS;
        if self.second != second {
            *self = Self { second, given: 0 };
        }
        self.given += 1;
        self.given <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::{Extensions, MOST, SECOND_NS};

    #[test]
    fn each_second_has_its_own() {
        let mut extensions = Extensions::default();
        let given = (0..2 * MOST).filter(|_| extensions.take(5 * SECOND_NS)).count();
        assert_eq!(given, MOST as usize);
        assert!(extensions.take(6 * SECOND_NS));
    }
}
