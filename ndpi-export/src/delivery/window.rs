//! Records that were given away and are not confirmed: plain code.

use std::collections::VecDeque;

/// Records that may be unconfirmed at a time. The rest waits in the output's queue.
pub(super) const MOST: usize = 4096;

/// Records in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The number of the first of them.
    first: u64,
    records: VecDeque<Unconfirmed>,
    /// How many of them were given away since the last start.
    given: usize,
    /// How many are confirmed though one before them is not.
    ahead: usize,
}

#[derive(Debug)]
struct Unconfirmed {
    datagram: Vec<u8>,
    is_confirmed: bool,
}

impl Window {
    /// Whether another one may come.
    pub(super) fn has_room(&self) -> bool {
        self.records.len() < MOST
    }

    /// Records that are not confirmed.
    pub(super) fn unconfirmed(&self) -> usize {
        self.records.len() - self.ahead
    }

    /// Takes the datagram of the next record, which `make` makes with its number.
    pub(super) fn push(&mut self, make: impl FnOnce(u64) -> Vec<u8>) {
        let number = self.first + self.records.len() as u64;
        self.records.push_back(Unconfirmed { datagram: make(number), is_confirmed: false });
    }

    /// All that are not confirmed are to be given away again.
    pub(super) fn start_over(&mut self) {
        self.given = 0;
    }

    /// The next one that is to be given away, and its number.
    pub(super) fn next(&mut self) -> Option<(u64, &[u8])> {
        let skipped = self.records.iter().skip(self.given).take_while(|it| it.is_confirmed).count();
        self.given += skipped;
        let record = self.records.get(self.given)?;
        Some((self.first + self.given as u64, &record.datagram))
    }

    /// The [next](Self::next) one was given away.
    pub(super) fn give(&mut self) {
        self.given += 1;
    }

    /// This one is done with; whether it was there.
    pub(super) fn confirm(&mut self, number: u64) -> bool {
        let at = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let record = at.and_then(|at| self.records.get_mut(at)).filter(|it| !it.is_confirmed);
        let Some(record) = record else { return false };
        *record = Unconfirmed { datagram: Vec::new(), is_confirmed: true };
        self.ahead += 1;
        while self.records.front().is_some_and(|it| it.is_confirmed) {
            self.records.pop_front();
            self.first += 1;
            self.ahead -= 1;
            self.given = self.given.saturating_sub(1);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(window: &mut Window) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some((number, datagram)) = window.next() {
            assert_eq!(datagram, number.to_le_bytes());
            numbers.push(number);
            window.give();
        }
        numbers
    }

    fn push(window: &mut Window, count: usize) {
        (0..count).for_each(|_| window.push(|number| number.to_le_bytes().into()));
    }

    #[test]
    fn what_is_confirmed_in_any_order_is_not_given_again() {
        let mut window = Window::default();
        push(&mut window, 5);
        assert_eq!(given(&mut window), [0, 1, 2, 3, 4]);
        assert!(window.confirm(3) && window.confirm(1) && window.confirm(0));
        assert!(!window.confirm(0) && !window.confirm(3) && !window.confirm(5));
        assert_eq!(window.unconfirmed(), 2);
        push(&mut window, 1);
        assert_eq!(given(&mut window), [5]);
        window.start_over();
        assert_eq!(given(&mut window), [2, 4, 5]);
        window.start_over();
        assert!([5, 2, 4].into_iter().all(|number| window.confirm(number)));
        assert_eq!((window.unconfirmed(), given(&mut window)), (0, vec![]));
        push(&mut window, 1);
        assert_eq!(given(&mut window), [6]);
    }

    #[test]
    fn it_has_a_bound() {
        let mut window = Window::default();
        push(&mut window, MOST);
        assert!(!window.has_room());
        // One behind the first makes no room: the first may be given again.
        assert!(window.confirm(1) && !window.has_room());
        assert!(window.confirm(0) && window.has_room());
    }
}
