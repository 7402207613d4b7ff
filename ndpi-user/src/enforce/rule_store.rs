//! Where buckets, switches and names of rules stand.

use std::collections::HashSet;

use ndpi_common::{Action, Bucket, RuleKey, RuleName, State, VerdictEntry};
use ndpi_kernel::{Kernel, Limits, RequestWatches, RuleNames, RuntimeConfig, VerdictMaps};

/// Where shared buckets and switches stand: the kernel's maps, or a table in a test.
pub trait RuleStore {
    /// Puts a bucket under a number, in place of the one that is there.
    ///
    /// # Errors
    /// There is no room for it.
    fn set_bucket(&self, number: u32, bucket: &Bucket) -> anyhow::Result<()>;

    /// The bucket with this number.
    ///
    /// # Errors
    /// The map cannot be read.
    fn bucket(&self, number: u32) -> anyhow::Result<Option<Bucket>>;

    /// Removes the bucket with this number, if there is one.
    ///
    /// # Errors
    /// The map cannot be written.
    fn remove_bucket(&self, number: u32) -> anyhow::Result<()>;

    /// Switches these on, of [`ndpi_common::Switches::LIVE`], and the others of them off.
    ///
    /// # Errors
    /// The map cannot be written.
    fn set_switches(&self, switches: u32) -> anyhow::Result<()>;

    /// Writes down what a rule of a policy is called, for those who read verdicts.
    ///
    /// # Errors
    /// There is no room for it.
    fn set_rule_name(&self, key: RuleKey, name: &str) -> anyhow::Result<()>;

    /// Removes the name of a rule, if there is one.
    ///
    /// # Errors
    /// The map cannot be written.
    fn remove_rule_name(&self, key: RuleKey) -> anyhow::Result<()>;

    /// The last policy of which there are names of rules; 0 where there is none.
    ///
    /// # Errors
    /// The map cannot be read.
    fn last_revision(&self) -> anyhow::Result<u32> {
        Ok(0)
    }

    /// The numbers of all buckets.
    ///
    /// # Errors
    /// The map cannot be read.
    fn buckets(&self) -> anyhow::Result<Vec<u32>> {
        Ok(Vec::new())
    }

    /// The numbers of all watches on what flows send.
    ///
    /// # Errors
    /// The map cannot be read.
    fn watches(&self) -> anyhow::Result<Vec<u32>> {
        Ok(Vec::new())
    }

    /// Removes the watch with this number, if there is one.
    ///
    /// # Errors
    /// The map cannot be written.
    fn remove_watch(&self, number: u32) -> anyhow::Result<()>;

    /// What the verdicts that stand refer to.
    ///
    /// # Errors
    /// A map cannot be read.
    fn references(&self) -> anyhow::Result<References> {
        Ok(References::default())
    }

    /// Removes the names of rules of all policies but these.
    ///
    /// # Errors
    /// The map cannot be read or written.
    fn retain_rule_names(&self, revisions: &HashSet<u32>) -> anyhow::Result<()>;
}

/// What verdicts refer to, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// The policies by which they were made.
    pub revisions: HashSet<u32>,
    /// Buckets that they take from.
    pub buckets: HashSet<u32>,
    /// What says which of their packets are shown.
    pub watches: HashSet<u32>,
}

impl References {
    /// Adds those of a verdict.
    pub(super) fn add(&mut self, entry: &VerdictEntry) {
        self.revisions.insert(entry.revision);
        // There, it is how many packets are still to be shown.
        if entry.action != Action::Inspect as u8 {
            self.buckets.insert(entry.bucket);
        }
        if entry.state & State::WATCHED != 0 {
            self.watches.insert(entry.watch);
        }
    }
}

/// The kernel's own maps.
#[derive(Clone, Debug)]
pub struct KernelRules {
    limits: Limits,
    live: RuntimeConfig,
    requests: RequestWatches,
    rules: RuleNames,
    verdicts: VerdictMaps,
}

impl KernelRules {
    /// The maps of `kernel`.
    pub fn new(kernel: &Kernel) -> Self {
        Self {
            limits: kernel.limits().clone(),
            live: kernel.live().clone(),
            requests: kernel.requests().clone(),
            rules: kernel.rules().clone(),
            verdicts: kernel.verdicts().clone(),
        }
    }
}

impl RuleStore for KernelRules {
    fn set_bucket(&self, number: u32, bucket: &Bucket) -> anyhow::Result<()> {
        Ok(self.limits.set(number, bucket)?)
    }

    fn bucket(&self, number: u32) -> anyhow::Result<Option<Bucket>> {
        Ok(self.limits.get(number)?)
    }

    fn remove_bucket(&self, number: u32) -> anyhow::Result<()> {
        self.limits.remove(number)?;
        Ok(())
    }

    fn set_switches(&self, switches: u32) -> anyhow::Result<()> {
        Ok(self.live.set_switches(switches)?)
    }

    fn set_rule_name(&self, key: RuleKey, name: &str) -> anyhow::Result<()> {
        Ok(self.rules.set(&key, &RuleName::new(name))?)
    }

    fn remove_rule_name(&self, key: RuleKey) -> anyhow::Result<()> {
        Ok(self.rules.remove(&key)?)
    }

    fn last_revision(&self) -> anyhow::Result<u32> {
        Ok(self.rules.last_revision()?)
    }

    fn buckets(&self) -> anyhow::Result<Vec<u32>> {
        Ok(self.limits.numbers()?)
    }

    fn watches(&self) -> anyhow::Result<Vec<u32>> {
        Ok(self.requests.numbers()?)
    }

    fn remove_watch(&self, number: u32) -> anyhow::Result<()> {
        self.requests.remove(number)?;
        Ok(())
    }

    fn references(&self) -> anyhow::Result<References> {
        let mut references = References::default();
        for entry in self.verdicts.entries() {
            references.add(&entry?.1);
        }
        Ok(references)
    }

    fn retain_rule_names(&self, revisions: &HashSet<u32>) -> anyhow::Result<()> {
        Ok(self.rules.retain(revisions)?)
    }
}
