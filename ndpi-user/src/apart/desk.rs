//! A thread's questions that are yet to be asked, and answers that are yet to be taken.

use std::collections::VecDeque;

use ndpi_flow::Packet;

use super::batch::Batch;
use super::client::{Client, Unanswered};
use super::question::Question;

/// The number of a question. Each has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// An answer, or why there is none.
pub(super) type Answered = Result<Box<[u8]>, Unanswered>;

#[derive(Debug, Default)]
pub(super) struct Desk {
    waiting: Batch,
    /// How many questions were asked: the number of the first that waits.
    asked: u64,
    /// In the order of their tickets.
    answers: VecDeque<(Ticket, Answered)>,
}

impl Desk {
    /// Whether all that waits is to be asked before another question is added.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.is_full()
    }

    /// Adds a question to those that wait.
    pub(super) fn add(&mut self, question: &Question<'_>) -> Ticket {
        self.waiting.push(question);
        Ticket(self.asked + self.waiting.len() as u64 - 1)
    }

    /// Adds a packet to a question, if that is the last one of those that wait; whether it did.
    pub(super) fn add_packet(&mut self, ticket: Ticket, packet: Packet<'_>) -> bool {
        let is_last = ticket.0 + 1 == self.asked + self.waiting.len() as u64;
        self.waits(ticket) && is_last && self.waiting.add_packet(packet)
    }

    /// Whether a question was not asked yet.
    pub(super) fn waits(&self, ticket: Ticket) -> bool {
        ticket.0 >= self.asked
    }

    /// Asks all that waits, after it was said which flows are `over`.
    pub(super) fn ask_all(&mut self, over: &[u32], client: &mut Client) {
        let (first, begin) = (self.asked, self.answers.len());
        client.ask(over, &self.waiting, |place, answer| {
            self.answers.push_back((Ticket(first + place as u64), answer.map(Box::from)));
        });
        // That of which a worker has died came before those in front of it.
        self.answers.make_contiguous()[begin..].sort_by_key(|(ticket, _)| *ticket);
        self.asked += self.waiting.len() as u64;
        self.waiting.clear();
    }

    /// Takes an answer; `None` where there is none, or it was taken.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Answered> {
        let at = self.answers.binary_search_by_key(&ticket, |(of, _)| *of).ok()?;
        self.answers.remove(at).map(|(_, answer)| answer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::apart::memory::Memory;

    const QUESTION: Question<'_> = Question::Nothing;

    #[test]
    fn each_answer_is_taken_once() {
        let memory = Arc::new(Memory::new(1).unwrap());
        memory.head().pausing.store(1, Ordering::Release);
        let (mut desk, mut client) = (Desk::default(), Client::new(memory, 0));
        let [first, second] = [desk.add(&QUESTION), desk.add(&QUESTION)];
        assert!(desk.waits(first) && desk.take(first).is_none());
        desk.ask_all(&[], &mut client);
        let third = desk.add(&QUESTION);
        assert!(!desk.waits(second) && desk.waits(third));
        desk.ask_all(&[], &mut client);
        for ticket in [second, third, first] {
            assert_eq!(desk.take(ticket), Some(Err(Unanswered::Absent)));
            assert_eq!(desk.take(ticket), None);
        }
    }

    #[test]
    fn a_packet_is_added_to_the_question_that_was_added_last() {
        let mut desk = Desk::default();
        let packet = Packet { l3: &[1; 30], time_ms: 7 };
        let look = Question::Look { flow: 1, fresh: true, last: false, packets: vec![packet] };
        let first = desk.add(&look);
        assert!(desk.add_packet(first, packet));
        let second = desk.add(&look);
        assert!(!desk.add_packet(first, packet) && desk.add_packet(second, packet));
        let none = desk.add(&QUESTION);
        assert!(!desk.add_packet(second, packet) && !desk.add_packet(none, packet));
    }
}
