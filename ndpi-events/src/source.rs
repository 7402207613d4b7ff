//! Who publishes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::subscriber::Subscriber;
use crate::{Envelope, Event, Kind, Kinds, SCHEMA, SourceId, Time};

/// Publishes the events of one thread, in order and numbered without gaps: hence it cannot be cloned.
#[derive(Debug)]
pub struct Source {
    id: Arc<SourceId>,
    published: u64,
    subscribers: Arc<[Subscriber]>,
    wanted: Kinds,
}

impl Source {
    pub(crate) fn new(id: SourceId, subscribers: Arc<[Subscriber]>) -> Self {
        let wanted = subscribers.iter().fold(Kinds::default(), |all, it| all.or(it.kinds));
        Self { id: Arc::new(id), published: 0, subscribers, wanted }
    }

    /// Whether anybody subscribes to events of this kind: one that nobody does need not be made.
    pub fn wants(&self, kind: Kind) -> bool {
        self.wanted.has(kind)
    }

    /// Publishes `event` at `time`. It never waits: a subscriber without room misses it.
    pub fn publish(&mut self, time: Time, event: Event) {
        let envelope = self.envelope(time, event);
        for subscriber in self.subscribers.iter().filter(|it| it.wants(&envelope.event)) {
            subscriber.offer(Arc::clone(&envelope));
        }
    }

    /// Publishes the last event of a session, which waits for room that long, however many subscribers have none:
    /// nothing depends on this thread any more.
    pub fn publish_last(&mut self, time: Time, event: Event, patience: Duration) {
        let (envelope, deadline) = (self.envelope(time, event), Instant::now() + patience);
        for subscriber in self.subscribers.iter().filter(|it| it.wants(&envelope.event)) {
            subscriber.offer_until(Arc::clone(&envelope), deadline);
        }
    }

    fn envelope(&mut self, time: Time, event: Event) -> Arc<Envelope> {
        self.published += 1;
        let (source, seq) = (Arc::clone(&self.id), self.published);
        Arc::new(Envelope { schema: SCHEMA, source, seq, time, event })
    }
}
