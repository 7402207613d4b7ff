//! The instance's side: what had been counted when counters were reset.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use ndpi_common::Key;
use ndpi_events::Time;
use ndpi_kernel::{MapError, VerdictMaps};

use super::before::{Counted, Line};
use crate::locked::locked;
use crate::snapshot::Observer;

/// Flows of which is told in one go.
const AT_A_TIME: usize = 512;

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
        let (counters, mut last) = (self.clone(), None);
        let flows = std::iter::from_fn(move || {
            let (lines, next) = counters.batch(last)?;
            last = Some(next);
            Some(lines)
        });
        since.map(|since| in_lines([Line::Since(since)])).into_iter().chain(flows)
    }

    /// The lines behind the flow of `last`, and the last flow that is in them.
    fn batch(&self, last: Option<Key>) -> Option<(Vec<u8>, Key)> {
        let noted = locked(&self.before);
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let flows = || noted.flows.range((from, Bound::Unbounded)).take(AT_A_TIME);
        let (next, _) = flows().last()?;
        Some((in_lines(flows().map(|(key, counted)| Line::of(key, *counted))), *next))
    }
}

fn in_lines(all: impl IntoIterator<Item = Line>) -> Vec<u8> {
    let mut lines = Vec::new();
    for line in all {
        // Memory takes it.
        let _ = serde_json::to_writer(&mut lines, &line);
        lines.push(b'\n');
    }
    lines
}
