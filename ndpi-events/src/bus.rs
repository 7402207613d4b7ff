//! From sources to subscribers.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TryIter, at, bounded, never, select};

use crate::rest::Rest;
use crate::subscriber::Subscriber;
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
        Subscription { events, ending: never(), losses, rest: Rest::default() }
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
    rest: Rest,
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
    /// [handled](Losses::handle). Where events come faster than every other millisecond, they are let gather
    /// for so long, so that not each wakes this thread.
    pub fn recv(&mut self) -> Option<Arc<Envelope>> {
        self.recv_until(None).ok()
    }

    /// The same, for which it waits until then at most.
    ///
    /// # Errors
    ///
    /// The time has come, or no other event will.
    pub fn recv_until(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Arc<Envelope>, RecvTimeoutError> {
        if let Ok(envelope) = self.events.try_recv() {
            return Ok(envelope);
        }
        thread::sleep(self.rest.left(Instant::now()));
        let over = deadline.map_or_else(never, at);
        let next = select! {
            recv(self.events) -> event => event.map_err(|_| RecvTimeoutError::Disconnected),
            recv(self.ending) -> _ => {
                self.events.try_recv().map_err(|_| RecvTimeoutError::Disconnected)
            }
            recv(over) -> _ => Err(RecvTimeoutError::Timeout),
        };
        self.rest.wake(Instant::now());
        next
    }

    /// The events that wait now.
    pub fn waiting(&self) -> TryIter<'_, Arc<Envelope>> {
        self.events.try_iter()
    }
}
