//! The names of the rules by which verdicts were made, each read once.

use std::collections::HashMap;

use ndpi_common::{RuleKey, VerdictEntry};
use ndpi_kernel::{MapError, RuleNames};
use ndpi_text::clean;

use crate::enforce::NO_RULE;

/// Names that were read, beside those in the kernel.
pub(super) struct Rules<'m> {
    map: &'m RuleNames,
    known: HashMap<RuleKey, Option<String>>,
}

impl<'m> Rules<'m> {
    pub(super) fn new(map: &'m RuleNames) -> Self {
        Self { map, known: HashMap::new() }
    }

    /// The name of an entry's rule, made safe to print; `None` where no rule matched, or none is known.
    pub(super) fn name(&mut self, entry: &VerdictEntry) -> Result<Option<String>, MapError> {
        if entry.rule == NO_RULE {
            return Ok(None);
        }
        let key = RuleKey { revision: entry.revision, rule: entry.rule.into() };
        if let Some(name) = self.known.get(&key) {
            return Ok(name.clone());
        }
        // A policy's names have no control characters; whoever may write the map may have put some in.
        let name = self.map.get(&key)?.map(|name| clean(name.as_str()).into_owned());
        self.known.insert(key, name.clone());
        Ok(name)
    }
}
