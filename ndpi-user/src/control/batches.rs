//! Lines about all entries of a map that others change meanwhile.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;

/// Entries that are looked at in one go: for no longer is the map kept from who changes it.
const AT_A_TIME: usize = 512;

/// A walk through a map by its keys, in batches: what is written behind it meanwhile comes, what is written before
/// it does not.
#[derive(Debug)]
pub struct Batches<K>(Option<K>);

impl<K> Default for Batches<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: Ord + Copy> Batches<K> {
    /// The next lines of `map`, one for each entry as `line` has it; `None` at the end.
    pub fn next<'m, V, L: Serialize>(
        &mut self,
        map: &'m BTreeMap<K, V>,
        line: impl Fn(&'m K, &'m V) -> L,
    ) -> Option<Vec<u8>> {
        let from = self.0.map_or(Bound::Unbounded, Bound::Excluded);
        let (mut lines, mut last) = (Vec::new(), None);
        for (key, value) in map.range((from, Bound::Unbounded)).take(AT_A_TIME) {
            add_line(&mut lines, &line(key, value));
            last = Some(*key);
        }
        self.0 = Some(last?);
        Some(lines)
    }
}

/// Writes a line of JSON behind others.
pub fn add_line(lines: &mut Vec<u8>, line: &impl Serialize) {
    // Memory takes it.
    let _ = serde_json::to_writer(&mut *lines, line);
    lines.push(b'\n');
}
