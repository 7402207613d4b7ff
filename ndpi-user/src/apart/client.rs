//! The side that asks: one thread's questions, and what comes of them where the worker dies.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::batch::{Batch, answers};
use super::exchange::{Exchange, Seen, wait_for};
use super::memory::Memory;
use super::patience::Patience;

/// How often it is looked whether the worker is still there.
const LOOK: Duration = Duration::from_millis(100);

/// How long a worker that is being started is waited for.
const START: Duration = Duration::from_secs(1);

/// How long an answer may take: many times what a busy machine delays it by.
const ANSWER: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// The question was the end of the worker.
    Fatal,
    /// There is no worker now.
    Absent,
}

/// A thread's questions.
#[derive(Debug)]
pub(super) struct Client {
    memory: Arc<Memory>,
    at: usize,
    message: Vec<u8>,
    answer: Vec<u8>,
    /// The places of questions without an answer.
    open: Vec<usize>,
    patience: Patience,
}

impl Client {
    /// Asks at the exchange of that number.
    pub(super) fn new(memory: Arc<Memory>, at: usize) -> Self {
        let (message, answer, open) = Default::default();
        Self { memory, at, message, answer, open, patience: Patience::default() }
    }

    /// Asks all questions of `batch`, after it was said which flows are `over`, and gives each answer to `takes`, with
    /// its question's place. Where the worker dies, the next one is asked, but for the question that it died of.
    pub(super) fn ask(
        &mut self,
        over: &[u32],
        batch: &Batch,
        mut takes: impl FnMut(usize, Result<&[u8], Unanswered>),
    ) {
        self.open.clear();
        self.open.extend(0..batch.len());
        while !self.open.is_empty() {
            match self.ask_open(over, batch) {
                Ok(()) => self.hand_out(&mut takes),
                Err(Unanswered::Fatal) => {
                    let at = self.exchange().at().min(self.open.len() - 1);
                    takes(self.open.remove(at), Err(Unanswered::Fatal));
                }
                Err(Unanswered::Absent) => {
                    for place in self.open.drain(..) {
                        takes(place, Err(Unanswered::Absent));
                    }
                }
            }
        }
    }

    /// Asks what is open, and waits for the answer.
    fn ask_open(&mut self, over: &[u32], batch: &Batch) -> Result<(), Unanswered> {
        self.message.clear();
        batch.encode(over, &self.open, &mut self.message);
        loop {
            let worker = self.worker()?;
            let number = self.exchange().ask(&self.message).ok_or(Unanswered::Absent)?;
            self.let_others_go_first(number);
            if self.hear(worker, number)? {
                return Ok(());
            }
        }
    }

    /// Hands out the answers that are there; one at least is, or there will be none to the first question.
    fn hand_out(&mut self, takes: &mut impl FnMut(usize, Result<&[u8], Unanswered>)) {
        let mut answered = 0;
        for (&place, answer) in self.open.iter().zip(answers(&self.answer)) {
            takes(place, Ok(answer));
            answered += 1;
        }
        if answered == 0 {
            takes(self.open[0], Err(Unanswered::Absent));
            answered = 1;
        }
        self.open.drain(..answered);
    }

    /// Lets whoever answers go first, where that has been quick.
    fn let_others_go_first(&mut self, number: u32) {
        let (asked, questions) = (Instant::now(), self.open.len());
        let yielding = self.patience.at(asked, questions);
        if yielding > Duration::ZERO {
            self.exchange().is_answered_soon(number, yielding);
            self.patience.took(asked.elapsed(), questions, Instant::now());
        }
    }

    /// Waits for the answer to a question that was put to `worker`; `false` where it is to be put again.
    fn hear(&mut self, mut worker: u32, number: u32) -> Result<bool, Unanswered> {
        let (memory, asked) = (Arc::clone(&self.memory), Instant::now());
        let (head, exchange) = (memory.head(), &memory.exchanges()[self.at]);
        loop {
            if exchange.hear(number, &mut self.answer, LOOK) == Seen::Yes {
                return Ok(true);
            }
            let now = head.worker.load(Ordering::Acquire);
            if now == worker {
                if asked.elapsed() > ANSWER {
                    head.unwanted.store(worker, Ordering::Release);
                    return Err(Unanswered::Fatal);
                }
                continue;
            }
            let next = if now == 0 { self.worker()? } else { now };
            if !exchange.is_left_alone(number) {
                // It came so late that the next one answers it.
                worker = next;
                continue;
            }
            if exchange.was_begun(number) && self.is_guilty(worker) {
                return Err(Unanswered::Fatal);
            }
            return Ok(false);
        }
    }

    /// Whether what was asked here has ended `worker`: where it says which thread it was, that one, else all that
    /// it had begun with.
    fn is_guilty(&self, worker: u32) -> bool {
        let one = self.memory.exchanges().iter().any(|it| it.has_faulted(worker));
        let fault = self.memory.head().deaths.is_fault(worker);
        fault && (!one || self.exchange().has_faulted(worker))
    }

    /// The worker that answers; waits for one that is being started.
    fn worker(&self) -> Result<u32, Unanswered> {
        let (head, began) = (self.memory.head(), Instant::now());
        loop {
            match head.worker.load(Ordering::Acquire) {
                0 if head.pausing.load(Ordering::Acquire) == 1 || began.elapsed() > START => {
                    return Err(Unanswered::Absent);
                }
                0 => drop(wait_for(&head.worker, |worker| worker != 0, LOOK)),
                worker => return Ok(worker),
            }
        }
    }

    fn exchange(&self) -> &Exchange {
        &self.memory.exchanges()[self.at]
    }
}
