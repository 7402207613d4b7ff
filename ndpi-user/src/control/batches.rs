//! Lines about all entries of a map that others change meanwhile.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;

/// Entries that are looked at in one go: for no longer is the map kept from who changes it.
const AT_A_TIME: usize = 512;

/// A walk through a map by its keys, in batches: what is written behind it meanwhile comes, what is written before
/// it does not.
#[derive(Debug)]
pub struct Batches<K> {
    after: Bound<K>,
    up_to: Bound<K>,
}

impl<K> Default for Batches<K> {
    fn default() -> Self {
        Self { after: Bound::Unbounded, up_to: Bound::Unbounded }
    }
}

impl<K: Ord + Copy> Batches<K> {
    /// One that ends with this key.
    pub fn up_to(last: K) -> Self {
        Self { up_to: Bound::Included(last), ..Self::default() }
    }

    /// The next lines of `map`, one for each entry as `line` has it; `None` at the end.
    pub fn next<'m, V, L: Serialize>(
        &mut self,
        map: &'m BTreeMap<K, V>,
        line: impl Fn(&'m K, &'m V) -> L,
    ) -> Option<Vec<u8>> {
        let (mut lines, mut last) = (Vec::new(), None);
        for (key, value) in map.range((self.after, self.up_to)).take(AT_A_TIME) {
            add_line(&mut lines, &line(key, value));
            last = Some(*key);
        }
        self.after = Bound::Excluded(last?);
        Some(lines)
    }
}

/// Writes a line of JSON behind others.
pub fn add_line(lines: &mut Vec<u8>, line: &impl Serialize) {
    // Memory takes it.
    let _ = serde_json::to_writer(&mut *lines, line);
    lines.push(b'\n');
}
