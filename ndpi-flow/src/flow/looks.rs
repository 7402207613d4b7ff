//! Looking again at flows whose start was not seen.

use std::time::Duration;

use super::decided::Decided;

/// How long after a decision nDPI looks again, each time in turn.
pub const AFTER: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(8), Duration::from_secs(64)];

/// How often nDPI has looked again at a flow, and what is to be kept meanwhile.
#[derive(Debug, Default)]
pub struct Looks {
    taken: usize,
    /// What was decided before, while nDPI looks again.
    pub before: Option<Box<Decided>>,
    /// Packets and bytes that passed before, and that no policy has allowed in so many words.
    pub passed: (u64, u64),
}

impl Looks {
    /// Of a flow that nobody looks at again.
    pub fn used_up() -> Self {
        Self { taken: AFTER.len(), ..Self::default() }
    }

    /// Which look is the next, from 0; `None` when there were enough.
    pub fn next(&self) -> Option<usize> {
        (self.taken < AFTER.len()).then_some(self.taken)
    }

    /// Which look goes on now, from 0; `None` where none does.
    pub fn current(&self) -> Option<usize> {
        self.before.as_ref().map(|_| self.taken - 1)
    }

    /// Begins the next look, after `before` was decided.
    pub fn begin(&mut self, before: Decided) {
        self.taken += 1;
        self.before = Some(Box::new(before));
    }
}

#[cfg(test)]
mod tests {
    use ndpi::Classification;

    use super::{AFTER, Looks};
    use crate::flow::{Decided, DecidedBy, Details};

    #[test]
    fn there_is_an_end_to_looking_again() {
        let mut looks = Looks::default();
        let begun = std::iter::from_fn(|| {
            let look = looks.next()?;
            looks.begin(Decided {
                classification: Classification::default(),
                details: Details::default(),
                verdict: None,
                given_up: false,
                by: DecidedBy::Content,
            });
            assert_eq!(looks.current(), Some(look));
            Some(look)
        });
        assert!(begun.eq(0..AFTER.len()));
        assert_eq!(Looks::default().current(), None);
        assert_eq!(Looks::used_up().next(), None);
    }
}
