//! Queues of numbered slots, of which each is in one queue at most. Every operation takes a few
//! steps, however many slots there are.

use super::slab::SlotId;

/// The number of a queue.
pub(super) type QueueId = u32;

/// No slot, no queue.
const NONE: u32 = u32::MAX;

/// Where a slot stands.
#[derive(Clone, Copy, Debug)]
struct Link {
    queue: QueueId,
    before: SlotId,
    after: SlotId,
}

/// A queue.
#[derive(Clone, Copy, Debug)]
struct Queue {
    first: SlotId,
    last: SlotId,
    len: usize,
}

/// Queues by number, through slots by number. A slot takes twelve bytes.
#[derive(Debug, Default)]
pub(super) struct Queues {
    links: Vec<Link>,
    queues: Vec<Queue>,
}

impl Queues {
    /// How many slots are in a queue.
    pub(super) fn len(&self, queue: QueueId) -> usize {
        self.queues.get(queue as usize).map_or(0, |queue| queue.len)
    }

    /// The slot that is in a queue for longest.
    pub(super) fn first(&self, queue: QueueId) -> Option<SlotId> {
        let first = self.queues.get(queue as usize)?.first;
        (first != NONE).then_some(first)
    }

    /// The queue that a slot is in.
    pub(super) fn queue_of(&self, slot: SlotId) -> Option<QueueId> {
        let queue = self.links.get(slot as usize)?.queue;
        (queue != NONE).then_some(queue)
    }

    /// Puts a slot at the end of a queue, and takes it out of the one that it is in.
    pub(super) fn push(&mut self, queue: QueueId, slot: SlotId) {
        self.remove(slot);
        self.make(queue, slot);
        let Queue { last, len, .. } = self.queues[queue as usize];
        self.links[slot as usize] = Link { queue, before: last, after: NONE };
        self.set_after(last, queue, slot);
        let queue = &mut self.queues[queue as usize];
        (queue.last, queue.len) = (slot, len + 1);
    }

    /// Puts a slot at the end of the queue that it is in, if it is in one.
    pub(super) fn touch(&mut self, slot: SlotId) {
        if let Some(queue) = self.queue_of(slot)
            && self.queues[queue as usize].last != slot
        {
            self.push(queue, slot);
        }
    }

    /// Takes a slot out of its queue, and returns which that was.
    pub(super) fn remove(&mut self, slot: SlotId) -> Option<QueueId> {
        let queue = self.queue_of(slot)?;
        let Link { before, after, .. } = self.links[slot as usize];
        self.links[slot as usize].queue = NONE;
        self.set_after(before, queue, after);
        match self.links.get_mut(after as usize) {
            Some(link) => link.before = before,
            None => self.queues[queue as usize].last = before,
        }
        self.queues[queue as usize].len -= 1;
        Some(queue)
    }

    /// Frees what is kept for slots from `end` on, of which none is in a queue.
    pub(super) fn shrink(&mut self, end: SlotId) {
        debug_assert!(self.links.iter().skip(end as usize).all(|link| link.queue == NONE));
        self.links.truncate(end as usize);
        self.links.shrink_to_fit();
    }

    /// Has `after` follow `slot`, or begin the queue where that is no slot.
    fn set_after(&mut self, slot: SlotId, queue: QueueId, after: SlotId) {
        match self.links.get_mut(slot as usize) {
            Some(link) => link.after = after,
            None => self.queues[queue as usize].first = after,
        }
    }

    fn make(&mut self, queue: QueueId, slot: SlotId) {
        let empty = Queue { first: NONE, last: NONE, len: 0 };
        self.queues.resize(self.queues.len().max(queue as usize + 1), empty);
        let nowhere = Link { queue: NONE, before: NONE, after: NONE };
        self.links.resize(self.links.len().max(slot as usize + 1), nowhere);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::Queues;

    fn all(queues: &Queues, queue: u32) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut next = queues.first(queue);
        while let Some(slot) = next {
            slots.push(slot);
            let after = queues.links[slot as usize].after;
            next = (after != super::NONE).then_some(after);
        }
        slots
    }

    #[test]
    fn slots_stand_in_the_order_in_which_they_came() {
        let mut queues = Queues::default();
        for slot in [3, 1, 2] {
            queues.push(0, slot);
        }
        queues.touch(3);
        assert_eq!((all(&queues, 0), queues.len(0)), (vec![1, 2, 3], 3));
        queues.push(1, 2);
        assert_eq!((all(&queues, 0), all(&queues, 1)), (vec![1, 3], vec![2]));
        assert_eq!((queues.remove(1), queues.remove(1)), (Some(0), None));
        assert_eq!((queues.first(0), queues.first(7), queues.queue_of(9)), (Some(3), None, None));
    }

    proptest! {
        #[test]
        fn queues_are_what_plain_lists_would_be(steps in vec((0..4u8, 0..3u32, 0..8u32), 1..200)) {
            let mut queues = Queues::default();
            let mut lists = vec![VecDeque::new(); 3];
            for (step, queue, slot) in steps {
                let was = lists.iter().position(|list| list.contains(&slot));
                for list in &mut lists {
                    list.retain(|it| *it != slot);
                }
                match step {
                    0 => drop(queues.remove(slot)),
                    1 => {
                        queues.touch(slot);
                        if let Some(was) = was {
                            lists[was].push_back(slot);
                        }
                    }
                    _ => {
                        queues.push(queue, slot);
                        lists[queue as usize].push_back(slot);
                    }
                }
            }
            for (queue, list) in (0..).zip(lists) {
                prop_assert_eq!(all(&queues, queue), list.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(queues.len(queue), list.len());
            }
        }
    }
}
