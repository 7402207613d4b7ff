//! Records of several rings in the order of their times.
//!
//! The two directions of a flow are often seen by two CPUs. An answer must not come before what it
//! answers, so each pass over the rings takes only what was seen before the pass began: when an
//! answer was seen by then, so was the question, and its record is ready, as a CPU lets a packet go
//! on only after its record. What came later is left for the next pass.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One pass over several queues, each of which is in order by itself.
#[derive(Debug, Default)]
pub(super) struct Merge {
    /// Times no later than this take part.
    until: u64,
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    left: bool,
}

impl Merge {
    /// Begins a pass that takes what happened at or before `until`.
    pub(super) fn begin(&mut self, until: u64) {
        self.heads.clear();
        (self.until, self.left) = (until, false);
    }

    /// The head of `queue` happened at `time`.
    pub(super) fn offer(&mut self, queue: usize, time: u64) {
        if time <= self.until {
            self.heads.push(Reverse((time, queue)));
        } else {
            self.left = true;
        }
    }

    /// The queue whose head is next; its new head is to be offered then.
    pub(super) fn next(&mut self) -> Option<usize> {
        self.heads.pop().map(|Reverse((_, queue))| queue)
    }

    /// Whether something that came too late for this pass was offered.
    pub(super) fn left(&self) -> bool {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::Merge;

    /// Takes what a pass gives of `queues`.
    fn pass(queues: &mut [VecDeque<u64>], until: u64) -> (Vec<u64>, bool) {
        let mut merge = Merge::default();
        merge.begin(until);
        for (index, queue) in queues.iter().enumerate() {
            queue.front().iter().for_each(|&&time| merge.offer(index, time));
        }
        let mut order = Vec::new();
        while let Some(index) = merge.next() {
            order.extend(queues[index].pop_front());
            queues[index].front().iter().for_each(|&&time| merge.offer(index, time));
        }
        (order, merge.left())
    }

    #[test]
    fn records_come_in_the_order_of_time() {
        let mut queues = [vec![1, 4, 9].into(), vec![].into(), vec![2, 3, 10].into()];
        assert_eq!(pass(&mut queues, 100), (vec![1, 2, 3, 4, 9, 10], false));
    }

    #[test]
    fn what_came_after_the_pass_began_waits() {
        // The question (7) was not ready yet when its ring was looked at; the answer (8) was.
        let mut queues = [vec![1].into(), vec![2, 8].into()];
        assert_eq!(pass(&mut queues, 6), (vec![1, 2], true));
        queues[0].push_back(7);
        assert_eq!(pass(&mut queues, 8), (vec![7, 8], false));
    }

    #[test]
    fn equal_times_come_by_queue() {
        let mut queues = [vec![5, 5].into(), vec![5].into()];
        assert_eq!(pass(&mut queues, 5), (vec![5, 5, 5], false));
    }
}
