//! The instance's side: what had been counted when counters were reset.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ndpi_common::Key;
use ndpi_events::Time;
use ndpi_kernel::{MapError, VerdictMaps};

use super::before::{Counted, Line};
use crate::control::{Batches, add_line};
use crate::locked::locked;
use crate::snapshot::Observer;

/// Resets counters of an instance; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    observer: Arc<Observer>,
    verdicts: VerdictMaps,
    before: Arc<Mutex<Noted>>,
}

/// What verdicts had counted.
#[derive(Debug, Default)]
struct Noted {
    since: Option<Time>,
    flows: BTreeMap<Key, Counted>,
}

impl Counters {
    /// Those of the instance that `observer` sees, and of its `verdicts`.
    pub(crate) fn new(observer: Arc<Observer>, verdicts: VerdictMaps) -> Self {
        Self { observer, verdicts, before: Arc::default() }
    }

    /// Has `status` and `verdicts` count from now on; says since when.
    pub(crate) fn reset(&self) -> Result<Time, MapError> {
        let mut flows = BTreeMap::new();
        for entry in self.verdicts.entries() {
            let (key, entry) = entry?;
            flows.extend(Counted::of(&entry).map(|counted| (key, counted)));
        }
        let since = self.observer.reset();
        *locked(&self.before) = Noted { since: Some(since), flows };
        Ok(since)
    }

    /// What verdicts had counted by then, in lines; a batch of them at a time. None where counters were not reset.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Vec<u8>> + Send + use<> {
        let since = locked(&self.before).since;
        let (counters, mut batches) = (self.clone(), Batches::default());
        let flows = std::iter::from_fn(move || {
            let noted = locked(&counters.before);
            batches.next(&noted.flows, |key, counted| Line::of(key, *counted))
        });
        since.map(first_line).into_iter().chain(flows)
    }
}

fn first_line(since: Time) -> Vec<u8> {
    let mut lines = Vec::new();
    add_line(&mut lines, &Line::Since(since));
    lines
}
