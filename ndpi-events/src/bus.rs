//! From sources to subscribers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{
    Receiver, SendTimeoutError, Sender, TryIter, TrySendError, bounded, never, select,
};

use crate::{Envelope, Event, Kinds, Losses, Source, SourceId, Time};

/// Takes subscriptions. They are made before anything is published, so that sources need no lock to see them.
#[derive(Debug, Default)]
pub struct BusBuilder {
    subscribers: Vec<Subscriber>,
}

impl BusBuilder {
    /// Subscribes to the events of these kinds that `takes` wants, of which up to `capacity` may wait.
    pub fn subscribe(
        &mut self,
        kinds: Kinds,
        takes: impl Fn(&Event) -> bool + Send + Sync + 'static,
        capacity: usize,
    ) -> Subscription {
        let (queue, events) = bounded(capacity);
        let losses = Losses::default();
        let takes = Box::new(takes);
        self.subscribers.push(Subscriber { kinds, takes, queue, losses: losses.clone() });
        Subscription { events, ending: never(), losses }
    }

    /// The bus for these subscribers; its sources number since `since`.
    pub fn build(self, since: Time) -> Bus {
        Bus { subscribers: self.subscribers.into(), since }
    }
}

/// Where sources come from; cheap to clone. Subscriptions end when it and all of its sources are gone.
#[derive(Clone, Debug)]
pub struct Bus {
    subscribers: Arc<[Subscriber]>,
    since: Time,
}

impl Bus {
    /// A source of this name, of which there is no other on this bus.
    pub fn source(&self, name: &str) -> Source {
        let id = SourceId { name: name.into(), pid: std::process::id(), since: self.since };
        Source::new(id, Arc::clone(&self.subscribers))
    }
}

/// Events on their way to one subscriber.
#[derive(Debug)]
pub struct Subscription {
    events: Receiver<Arc<Envelope>>,
    ending: Receiver<()>,
    losses: Losses,
}

/// Ends a subscription when it is dropped: what was published before is still received.
#[derive(Debug)]
pub struct Ender {
    _ending: Sender<()>,
}

impl Subscription {
    /// What was lost, and what still waits.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// What ends the subscription though there are sources left: who holds one may live longer.
    pub fn ender(&mut self) -> Ender {
        let (ender, ending) = bounded(0);
        self.ending = ending;
        Ender { _ending: ender }
    }

    /// The next event, for which it waits; `None` when no other will come. What is taken is to be
    /// [handled](Losses::handle).
    pub fn recv(&self) -> Option<Arc<Envelope>> {
        select! {
            recv(self.events) -> event => event.ok(),
            recv(self.ending) -> _ => self.events.try_recv().ok(),
        }
    }

    /// The events that wait now.
    pub fn waiting(&self) -> TryIter<'_, Arc<Envelope>> {
        self.events.try_iter()
    }
}

/// The bus's end of a subscription.
pub(crate) struct Subscriber {
    pub(crate) kinds: Kinds,
    takes: Box<dyn Fn(&Event) -> bool + Send + Sync>,
    queue: Sender<Arc<Envelope>>,
    losses: Losses,
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

    /// Queues an event, for which it waits that long.
    pub(crate) fn offer_within(&self, envelope: Arc<Envelope>, patience: Duration) {
        self.losses.offer();
        if let Err(SendTimeoutError::Timeout(_) | SendTimeoutError::Disconnected(_)) =
            self.queue.send_timeout(envelope, patience)
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
