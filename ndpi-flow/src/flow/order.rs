//! Which flows go first where memory is short: those that say least, and of these the ones that were silent for longest.

use super::queues::{QueueId, Queues};
use super::slab::SlotId;

/// What is given up where memory is short, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// Undecided flows that nobody has answered: what floods and scans are made of.
    Unanswered = 0,
    /// Undecided flows that were answered: what `undecided` of the policy says holds for them.
    Undecided = 1,
    /// Notes of flows that may pass: those that go on are looked at again.
    PassingNotes = 2,
    /// Flows that may pass: each leaves a note.
    Passing = 3,
    /// Blocked flows: each leaves a note, by which its next packet is blocked again.
    Blocked = 4,
    /// Notes of blocked flows, the last that is left of them: those that go on are looked at again.
    BlockedNotes = 5,
}

impl Worth {
    /// All, in their order.
    pub const ALL: [Self; 6] = [
        Self::Unanswered,
        Self::Undecided,
        Self::PassingNotes,
        Self::Passing,
        Self::Blocked,
        Self::BlockedNotes,
    ];

    /// The word for it in records and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::Undecided => "undecided",
            Self::PassingNotes => "passing-notes",
            Self::Passing => "passing",
            Self::Blocked => "blocked",
            Self::BlockedNotes => "blocked-notes",
        }
    }
}

/// The flows of a table by what they are worth.
#[derive(Debug, Default)]
pub(super) struct Order(Queues);

impl Order {
    /// Notes what a flow is worth: as the one that was heard last, where that is another than before.
    pub(super) fn put(&mut self, slot: SlotId, worth: Worth) {
        let queue = worth as QueueId;
        if self.0.queue_of(slot) != Some(queue) {
            self.0.push(queue, slot);
        }
    }

    /// An undecided flow was answered.
    pub(super) fn answered(&mut self, slot: SlotId) {
        if self.0.queue_of(slot) == Some(Worth::Unanswered as QueueId) {
            self.0.push(Worth::Undecided as QueueId, slot);
        }
    }

    pub(super) fn touch(&mut self, slot: SlotId) {
        self.0.touch(slot);
    }

    pub(super) fn leave(&mut self, slot: SlotId) {
        self.0.remove(slot);
    }

    /// The flow of this worth that was silent for longest.
    pub(super) fn first(&self, worth: Worth) -> Option<SlotId> {
        self.0.first(worth as QueueId)
    }

    pub(super) fn undecided(&self) -> usize {
        self.0.len(Worth::Unanswered as QueueId) + self.0.len(Worth::Undecided as QueueId)
    }

    /// Frees what is kept for slots from `end` on, of which none is in use.
    pub(super) fn shrink(&mut self, end: SlotId) {
        self.0.shrink(end);
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, Worth};

    #[test]
    fn flows_stand_where_they_belong_in_the_order_in_which_they_were_heard() {
        let mut order = Order::default();
        for slot in [0, 1, 2] {
            order.put(slot, Worth::Unanswered);
        }
        order.touch(0);
        assert_eq!((order.first(Worth::Unanswered), order.undecided()), (Some(1), 3));
        order.answered(1);
        assert_eq!(
            (order.first(Worth::Unanswered), order.first(Worth::Undecided)),
            (Some(2), Some(1))
        );
        order.put(2, Worth::Blocked);
        order.put(0, Worth::Passing);
        // What is decided is no longer among those that an answer changes.
        order.answered(0);
        assert_eq!((order.first(Worth::Blocked), order.first(Worth::Passing)), (Some(2), Some(0)));
        assert_eq!((order.first(Worth::Unanswered), order.undecided()), (None, 1));
        order.leave(1);
        assert_eq!((order.first(Worth::Undecided), order.undecided()), (None, 0));
    }
}
