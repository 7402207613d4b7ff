//! Helpers for unit tests.

use ndpi::Library;
use ndpi_events::{Bus, BusBuilder, Kinds, Subscription, Time};
use serde_json::Value;
use testkit::needs;

/// nDPI, where there is one. A test that gets `None` has said why it was skipped; in CI, where nDPI
/// is always there, it fails instead.
pub(crate) fn library() -> Option<Library> {
    needs(Library::load(None))
}

/// A bus with one subscriber, who takes all events.
pub(crate) fn bus() -> (Bus, Reported) {
    let mut bus = BusBuilder::default();
    let events = bus.subscribe(Kinds::ALL, |_| true, 4096);
    (bus.build(Time::default()), Reported(events))
}

/// What was published.
pub(crate) struct Reported(Subscription);

impl Reported {
    /// The events since the last call, as JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        assert_eq!(self.0.losses().lost(), 0);
        self.0.waiting().map(|it| serde_json::to_value(&it.event).unwrap()).collect()
    }

    /// Those of this type.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["type"] == kind).collect()
    }
}
