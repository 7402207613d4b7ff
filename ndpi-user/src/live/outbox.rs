//! The way to a worker, which may be behind, or be stuck.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{SendTimeoutError, Sender};

use super::backlog::Backlog;
use super::message::Message;

/// How long a message waits for room at a time.
const PATIENCE: Duration = Duration::from_millis(20);

/// The way to one worker; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    messages: Sender<Message>,
    backlog: Arc<Backlog>,
}

impl Outbox {
    pub(super) fn new(messages: Sender<Message>, backlog: Arc<Backlog>) -> Self {
        Self { messages, backlog }
    }

    /// How far the worker is.
    pub(super) fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// Messages that wait for the worker.
    pub(super) fn waiting(&self) -> usize {
        self.messages.len()
    }

    /// Sends a message, for which it waits as long as the worker is behind. Gives it back where the worker
    /// is stuck and there is no room. For who has nobody else to serve.
    #[must_use]
    pub(super) fn send(&self, mut message: Message) -> Option<Message> {
        while let Some(back) = self.offer(message) {
            if self.backlog.is_stuck() {
                return Some(back);
            }
            message = back;
        }
        None
    }

    /// Sends a message if there is room for it soon, or gives it back.
    #[must_use]
    pub(super) fn offer(&self, message: Message) -> Option<Message> {
        self.offer_within(message, PATIENCE)
    }

    /// Sends a message if there is room for it within `patience`, or gives it back.
    #[must_use]
    pub(super) fn offer_within(&self, message: Message, patience: Duration) -> Option<Message> {
        let patience = if self.backlog.is_stuck() { Duration::ZERO } else { patience };
        match self.messages.send_timeout(message, patience) {
            // A worker that has ended takes none: that ends the session, and nobody wants it any more.
            Ok(()) | Err(SendTimeoutError::Disconnected(_)) => None,
            Err(SendTimeoutError::Timeout(back)) => Some(back),
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam::channel::bounded;

    use super::*;

    #[test]
    fn nobody_waits_for_a_worker_that_is_stuck() {
        let (messages, inbox) = bounded(1);
        let outbox = Outbox::new(messages, Arc::default());
        let message = || Message::Over(Vec::new());
        assert!(outbox.send(message()).is_none());
        assert!(outbox.offer(message()).is_some(), "there is no room");
        outbox.backlog.set_stuck(true);
        assert!(outbox.send(message()).is_some());
        assert_eq!((inbox.try_iter().count(), outbox.waiting()), (1, 0));
        assert!(outbox.send(message()).is_none(), "there is room again");
        drop(inbox);
        assert!(outbox.send(message()).is_none(), "nobody wants it");
    }
}
