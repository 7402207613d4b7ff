//! The way to a worker, which may be behind, or be stuck.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{SendTimeoutError, Sender};
use ndpi_kernel::Waker;

use super::backlog::Backlog;
use super::message::Message;

/// How long a message waits for room at a time.
const PATIENCE: Duration = Duration::from_millis(20);

/// The way to one worker; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    messages: Sender<Message>,
    backlog: Arc<Backlog>,
    /// Ends the wait of the worker for samples.
    waker: Waker,
}

impl Outbox {
    pub(super) fn new(messages: Sender<Message>, backlog: Arc<Backlog>, waker: Waker) -> Self {
        Self { messages, backlog, waker }
    }

    /// How far the worker is.
    pub(super) fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// Messages that wait for the worker.
    pub(super) fn waiting(&self) -> usize {
        self.messages.len()
    }

    /// Sends a message if there is room for it soon, or gives it back.
    #[must_use]
    pub(super) fn offer(&self, message: Message) -> Option<Message> {
        let patience = if self.backlog.is_stuck() { Duration::ZERO } else { PATIENCE };
        match self.messages.send_timeout(message, patience) {
            Ok(()) => {
                self.waker.wake();
                None
            }
            // A worker that has ended takes none: that ends the session, and nobody wants it any more.
            Err(SendTimeoutError::Disconnected(_)) => None,
            Err(SendTimeoutError::Timeout(back)) => Some(back),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crossbeam::channel::bounded;

    use super::*;

    #[test]
    fn nobody_waits_for_a_worker_that_is_stuck() {
        let (messages, inbox) = bounded(1);
        let outbox = Outbox::new(messages, Arc::default(), Waker::new().unwrap());
        let message = || Message::Over(Vec::new());
        assert!(outbox.offer(message()).is_none());
        assert!(outbox.offer(message()).is_some(), "there is no room");
        outbox.backlog.set_stuck(true);
        let began = Instant::now();
        (0..1000).for_each(|_| assert!(outbox.offer(message()).is_some()));
        assert!(began.elapsed() < 1000 * PATIENCE);
        assert_eq!((inbox.try_iter().count(), outbox.waiting()), (1, 0));
        assert!(outbox.offer(message()).is_none(), "there is room again");
        drop(inbox);
        assert!(outbox.offer(message()).is_none(), "nobody wants it");
    }
}
