//! From a host name to the rules that mean it: one look-up a label.

use hashbrown::HashMap;

use super::sets::{Pool, PoolBuilder, SetId, Words};
use crate::host::HostPattern;

/// Rules by host name and by every suffix on a label border.
#[derive(Debug)]
pub(super) struct ByHost {
    names: HashMap<Box<str>, Meaning>,
    /// Rules by what nDPI leaves of long names.
    ends: HashMap<Box<str>, SetId>,
    /// The rules that mean any name.
    any: SetId,
    pool: Pool,
}

/// The rules that mean a name itself, and those that mean what is below it.
#[derive(Debug)]
struct Meaning {
    itself: SetId,
    below: SetId,
}

impl ByHost {
    pub(super) fn new<'p>(
        width: usize,
        entries: impl Iterator<Item = (&'p HostPattern, u16)>,
    ) -> Self {
        let mut pool = PoolBuilder::new(width);
        let none = pool.of(&[]);
        let mut any = none;
        let mut names: HashMap<Box<str>, Meaning> = HashMap::new();
        let mut ends: HashMap<Box<str>, SetId> = HashMap::new();
        for (pattern, rule) in entries {
            if matches!(pattern, HostPattern::Any) {
                any = pool.with(any, rule);
                continue;
            }
            for end in pattern.ends() {
                let rules = ends.entry_ref(end).or_insert(none);
                *rules = pool.with(*rules, rule);
            }
            let unknown = Meaning { itself: none, below: none };
            let meaning = names.entry_ref(pattern.name()).or_insert(unknown);
            if !matches!(pattern, HostPattern::Below(_)) {
                meaning.itself = pool.with(meaning.itself, rule);
            }
            if !matches!(pattern, HostPattern::Exact(_)) {
                meaning.below = pool.with(meaning.below, rule);
            }
        }
        Self { names, ends, any, pool: pool.finish() }
    }

    /// Adds the rules that mean `host` (normalised) to `union`.
    pub(super) fn add_to(&self, host: &str, union: &mut Words) {
        if !host.is_empty() {
            self.pool.add_to(self.any, union);
        }
        if let Some(meaning) = self.names.get(host) {
            self.pool.add_to(meaning.itself, union);
        }
        if let Some(rules) = self.ends.get(host) {
            self.pool.add_to(*rules, union);
        }
        let mut rest = host;
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(meaning) = self.names.get(parent) {
                self.pool.add_to(meaning.below, union);
            }
            rest = parent;
        }
    }
}
