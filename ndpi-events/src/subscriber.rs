//! Where events queue for one subscription.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crossbeam::channel::{SendTimeoutError, Sender, TrySendError};

use crate::{Envelope, Event, Kinds, Losses};

/// The bus's end of a subscription.
pub(crate) struct Subscriber {
    pub(crate) kinds: Kinds,
    pub(crate) takes: Box<dyn Fn(&Event) -> bool + Send + Sync>,
    pub(crate) queue: Sender<Arc<Envelope>>,
    pub(crate) losses: Losses,
}

impl Subscriber {
    /// Whether it is to get this event. One that is gone misses it.
    pub(crate) fn wants(&self, event: &Event) -> bool {
        let wants = self.kinds.has(event.kind()) && (self.takes)(event);
        let is_lost = wants && self.losses.is_closed();
        if is_lost {
            self.losses.lose();
        }
        wants && !is_lost
    }

    /// Queues an event if there is room for it now.
    pub(crate) fn offer(&self, envelope: Arc<Envelope>) {
        self.losses.offer();
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(envelope)
        {
            self.losses.refuse();
        }
    }

    /// Queues an event, for which it waits until then; past that, if there is room for it now.
    pub(crate) fn offer_until(&self, envelope: Arc<Envelope>, deadline: Instant) {
        self.losses.offer();
        if let Err(SendTimeoutError::Timeout(_) | SendTimeoutError::Disconnected(_)) =
            self.queue.send_deadline(envelope, deadline)
        {
            self.losses.refuse();
        }
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kinds, losses, .. } = self;
        f.debug_struct("Subscriber").field("kinds", kinds).field("losses", losses).finish()
    }
}
