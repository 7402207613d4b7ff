//! From a host name to the rules that mean it: one look-up a label.

use hashbrown::HashMap;

use super::sets::{Pool, PoolBuilder, SetId, Words};
use crate::policy::HostPattern;

/// Rules by host name and by every suffix on a label border.
#[derive(Debug)]
pub(super) struct ByHost {
    names: HashMap<Box<str>, Meaning>,
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
        let mut rules: HashMap<&str, (Vec<u16>, Vec<u16>)> = HashMap::new();
        for (pattern, rule) in entries {
            let (itself, below) = rules.entry(pattern.name()).or_default();
            match pattern {
                HostPattern::Exact(_) => itself.push(rule),
                HostPattern::Below(_) => below.push(rule),
                HostPattern::Tree(_) => {
                    itself.push(rule);
                    below.push(rule);
                }
            }
        }
        let mut pool = PoolBuilder::new(width);
        let names = rules
            .into_iter()
            .map(|(name, (itself, below))| {
                (name.into(), Meaning { itself: pool.of(&itself), below: pool.of(&below) })
            })
            .collect();
        Self { names, pool: pool.finish() }
    }

    /// Adds the rules that mean `host` (normalised) to `union`.
    pub(super) fn add_to(&self, host: &str, union: &mut Words) {
        if let Some(meaning) = self.names.get(host) {
            self.pool.add_to(meaning.itself, union);
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
