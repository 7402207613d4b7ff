//! How it stands with the bucket that policies come from: said by the thread that listens, read by whoever shows it.

use std::sync::{Arc, Mutex};

use ndpi_events::Time;

use crate::locked::locked;
use crate::snapshot::PolicyOrigin;

/// Reads it at any time.
#[derive(Clone, Debug)]
pub(crate) struct Link(Arc<Mutex<PolicyOrigin>>);

impl Link {
    /// The one to this bucket, of which nothing is known yet.
    pub(super) fn new(bucket: String) -> Self {
        Self(Arc::new(Mutex::new(PolicyOrigin { bucket, since: Time::now(), failure: None })))
    }

    /// How it stands now.
    pub(crate) fn read(&self) -> PolicyOrigin {
        locked(&self.0).clone()
    }

    /// The bucket is followed from now on, or cannot be for this reason; whether that is another one than before.
    pub(super) fn set(&self, failure: Option<String>) -> bool {
        let mut origin = locked(&self.0);
        if origin.failure == failure {
            return false;
        }
        if origin.failure.is_none() || failure.is_none() {
            origin.since = Time::now();
        }
        origin.failure = failure;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_lasts_since_its_first_reason() {
        let link = Link::new("nats:here".into());
        let start = link.read().since;
        assert!(!link.set(None), "nothing has failed yet");
        assert_eq!(link.read().since, start);
        assert!(link.set(Some("it is gone".into())));
        let failing = link.read();
        assert!(link.set(Some("nobody listens".into())));
        assert!(!link.set(Some("nobody listens".into())));
        let still = link.read();
        assert_eq!(
            (still.since, still.failure.as_deref()),
            (failing.since, Some("nobody listens"))
        );
        assert!(link.set(None));
        let again = link.read();
        assert!(again.failure.is_none() && again.since >= still.since);
    }
}
