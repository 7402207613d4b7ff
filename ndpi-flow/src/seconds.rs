//! The seconds that bounds are for, by clocks that may be set.

const SECOND_NS: u64 = 1_000_000_000;

/// The second that a bound is for.
#[derive(Debug, Default)]
pub struct Seconds(u64);

impl Seconds {
    /// Whether another second than before begins with `now_ns`, which may be earlier where a clock was set back: a bound
    /// would stay reached until it is as late again. The second before is none: what was seen last in it may come behind
    /// the first of this one.
    pub fn begin(&mut self, now_ns: u64) -> bool {
        let second = now_ns / SECOND_NS;
        let begins = second > self.0 || second + 1 < self.0;
        if begins {
            self.0 = second;
        }
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_begins_once_however_clocks_are_set() {
        let mut seconds = Seconds::default();
        let mut begin = |second| seconds.begin(second * SECOND_NS + 7);
        assert!(begin(50) && !begin(50));
        assert!(begin(51) && !begin(50) && !begin(51), "what comes late begins none");
        assert!(begin(9) && !begin(9), "the clock was set back");
        assert!(begin(90) && !begin(90), "and forward");
    }
}
