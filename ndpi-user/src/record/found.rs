//! How many flows something was found in.

use std::collections::BTreeMap;
use std::fmt;

use ndpi_events::Word;
use ndpi_labels::{Finding, Findings};

/// Flows by finding. One with several counts for each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found(BTreeMap<Finding, u64>);

impl Found {
    /// Counts a flow.
    pub fn add(&mut self, findings: Findings) {
        for finding in findings.iter() {
            *self.0.entry(finding).or_default() += 1;
        }
    }

    /// Adds what was found in other flows.
    pub fn merge(&mut self, other: &Self) {
        for (finding, flows) in &other.0 {
            *self.0.entry(*finding).or_default() += flows;
        }
    }

    /// By name, for records.
    pub fn by_name(&self) -> BTreeMap<Word, u64> {
        self.0.iter().map(|(finding, flows)| (finding.name().into(), *flows)).collect()
    }
}

/// A line for a person; nothing where nothing was found.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.0.iter().map(|(finding, flows)| format!("{finding} in {flows}"));
        match each.collect::<Vec<_>>().as_slice() {
            [] => Ok(()),
            all => writeln!(f, "found in flows: {}", all.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_is_explained_to_who_writes_policies_and_who_operates_it() {
        const PAGES: [&str; 2] = [
            include_str!("../../../docs/policy-reference.md"),
            include_str!("../../../docs/operate.md"),
        ];
        for finding in Finding::ALL {
            let row = format!("\n| `{finding}` |");
            assert!(PAGES.iter().all(|page| page.matches(&row).count() == 1), "{row}");
        }
    }

    #[test]
    fn flows_are_counted_by_each_of_their_findings() {
        let mut found = Found::default();
        assert_eq!(found.to_string(), "");
        found.add(Findings::NONE);
        found.add([Finding::FakeSegment, Finding::Ambiguous].into_iter().collect());
        let mut other = Found::default();
        other.add(Finding::Ambiguous.into());
        found.merge(&other);
        assert_eq!(found.to_string(), "found in flows: fake-segment in 1, ambiguous in 2\n");
        assert_eq!(found.by_name()["ambiguous"], 2);
    }
}
