//! Changes in the kernel that a policy makes, apart from verdicts on flows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::Context;
use ndpi_common::{Bucket, OWN_BUCKET, RuleKey, Switches};
use ndpi_policy::{Action, Limit, PassOrDrop, Per, Policy};

use super::active_policy::{ActivePolicy, full};
use super::rule_store::{References, RuleStore};

/// Which of the rules with the same name, and the name.
type RuleName = (String, usize);

/// Brings policies into force.
///
/// Buckets go by numbers that verdicts carry, and a number belongs to a rule's name, not to its
/// place: a policy that moves a rule leaves its bucket as it is, and no flow takes from another
/// rule's bucket between the change of the policy and that of the flow's verdict. A rule that is
/// gone keeps its bucket until no verdict points at it ([`PolicyInstaller::remove_unused`]).
#[derive(Debug)]
pub struct PolicyInstaller<R> {
    store: R,
    numbers: HashMap<RuleName, u32>,
    last: u32,
    /// Of the last policy, from 1.
    revision: u32,
    /// Buckets that rules of an instance which is gone shared, as long as flows of that time take from them.
    left: Vec<u32>,
}

impl<R: RuleStore> PolicyInstaller<R> {
    /// With no policy in force yet.
    pub fn new(store: R) -> Self {
        Self { store, numbers: HashMap::new(), last: 0, revision: 0, left: Vec::new() }
    }

    /// The same, where verdicts of an instance that is gone may stand: revisions and buckets are counted on
    /// from theirs.
    ///
    /// # Errors
    /// A map cannot be read.
    pub fn going_on(store: R) -> anyhow::Result<Self> {
        let revision = store.last_revision()?;
        // Those stay: flows of that instance take from them until they are over.
        let mut left = store.buckets()?;
        left.retain(|number| number & OWN_BUCKET == 0);
        let last = left.iter().max().copied().unwrap_or_default();
        Ok(Self { last, revision, left, ..Self::new(store) })
    }

    /// Makes the buckets of `policy` stand and sets its switches, at `now_ns` nanoseconds since
    /// boot; verdicts that point at the buckets may be written from here on. A rule that was there
    /// before keeps what is in its bucket.
    ///
    /// # Errors
    /// A map refused: the policy in force before stays in force.
    pub fn install(&mut self, policy: Arc<Policy>, now_ns: u64) -> anyhow::Result<ActivePolicy> {
        let (mut shared, mut added) = (HashMap::new(), Vec::new());
        let result = limits(&policy).try_for_each(|(place, name, limit)| {
            let (number, new) = self.number(name);
            if new {
                added.push(number);
            }
            shared.insert(place, number);
            self.put(number, &limit, now_ns)
        });
        if let Err(error) = result.and_then(|()| self.store.set_switches(switches(&policy))) {
            self.remove(|number| added.contains(&number));
            return Err(error.context("the kernel does not take the policy's limits and switches"));
        }
        self.revision += 1;
        self.write_names(&policy);
        Ok(ActivePolicy::new(policy, shared, self.revision))
    }

    /// Takes a policy back that was installed last, and by which no verdict stands.
    pub fn withdraw(&mut self, installed: &ActivePolicy) {
        let (added, revision) = (installed.shared().collect::<Vec<_>>(), installed.revision());
        self.remove(|number| added.contains(&number));
        for place in (0..).take(installed.policy().rules().len()) {
            if let Err(error) = self.store.remove_rule_name(RuleKey { revision, rule: place }) {
                log::debug!("the name of a rule is left in the kernel: {error:#}");
            }
        }
    }

    /// Removes the buckets that are not of the policy `in_force`, and the names of rules that no verdict
    /// refers to. To be called when all flows are judged by that policy: of the verdicts of earlier ones
    /// those stand that it does not change.
    pub fn remove_unused(&mut self, in_force: &ActivePolicy) {
        let used: Vec<u32> = in_force.shared().collect();
        self.remove(|number| !used.contains(&number));
        let removed = self.store.references().and_then(|references| {
            self.remove_left(&references);
            self.retain_names(references, in_force)
        });
        if let Err(error) = removed {
            log::warn!("names of rules that no verdict needs are left in the kernel: {error:#}");
        }
    }

    /// Removes what an instance that is gone has left and no verdict of its refers to: buckets, watches and names
    /// of rules. To be called when `in_force` is installed, and before verdicts are made by it.
    pub fn remove_leftovers(&mut self, in_force: &ActivePolicy) {
        if let Err(error) = self.try_remove_leftovers(in_force) {
            log::warn!(
                "what no verdict of an earlier instance needs is left in the kernel: {error:#}"
            );
        }
    }

    fn try_remove_leftovers(&mut self, in_force: &ActivePolicy) -> anyhow::Result<()> {
        let references = self.store.references()?;
        let shared: HashSet<u32> = in_force.shared().collect();
        let is_used = |number: &u32| references.buckets.contains(number) || shared.contains(number);
        for number in self.store.buckets()?.iter().filter(|number| !is_used(number)) {
            self.store.remove_bucket(*number)?;
        }
        self.left.retain(is_used);
        let watches = self.store.watches()?;
        for number in watches.iter().filter(|number| !references.watches.contains(number)) {
            self.store.remove_watch(*number)?;
        }
        self.retain_names(references, in_force)
    }

    /// Removes buckets of rules of an instance that is gone from which no flow takes any more.
    fn remove_left(&mut self, references: &References) {
        let left = std::mem::take(&mut self.left);
        let (used, unused): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|number| references.buckets.contains(number));
        self.left = used;
        for number in unused {
            self.remove_bucket(number);
        }
    }

    fn retain_names(&self, references: References, in_force: &ActivePolicy) -> anyhow::Result<()> {
        let mut revisions = references.revisions;
        revisions.insert(in_force.revision());
        self.store.retain_rule_names(&revisions)
    }

    /// Verdicts hold without names: where there is no room for them, they are shown by number.
    fn write_names(&self, policy: &Policy) {
        for (rule, place) in policy.rules().iter().zip(0..) {
            let key = RuleKey { revision: self.revision, rule: place };
            if let Err(error) = self.store.set_rule_name(key, &rule.name) {
                log::warn!("verdicts of some rules are listed without the rule's name: {error:#}");
                return;
            }
        }
    }

    /// The number of a rule's bucket, and whether it is a new one.
    fn number(&mut self, name: RuleName) -> (u32, bool) {
        if let Some(&number) = self.numbers.get(&name) {
            return (number, false);
        }
        // Rules are few and their changes fewer: the number is never used up by one process.
        self.last = (self.last + 1) & !OWN_BUCKET;
        self.numbers.insert(name, self.last);
        (self.last, true)
    }

    fn put(&self, number: u32, limit: &Limit, now_ns: u64) -> anyhow::Result<()> {
        let full = full(limit, now_ns);
        let bucket = match self.store.bucket(number)? {
            Some(old) if old.has_limit_of(&full) => return Ok(()),
            Some(old) => Bucket { tokens: old.tokens.min(full.tokens), ..full },
            None => full,
        };
        self.store.set_bucket(number, &bucket).context("cannot write the bucket of a rule")
    }

    fn remove(&mut self, gone: impl Fn(u32) -> bool) {
        let (removed, kept) =
            std::mem::take(&mut self.numbers).into_iter().partition(|(_, number)| gone(*number));
        self.numbers = kept;
        let removed: HashMap<RuleName, u32> = removed;
        for number in removed.into_values() {
            self.remove_bucket(number);
        }
    }

    fn remove_bucket(&self, number: u32) {
        if let Err(error) = self.store.remove_bucket(number) {
            log::warn!("a bucket that no rule needs is left in the kernel: {error:#}");
        }
    }
}

/// The rules whose flows share a bucket: place, name and limit.
fn limits(policy: &Policy) -> impl Iterator<Item = (u16, RuleName, Limit)> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    (0..).zip(policy.rules()).filter_map(move |(place, rule)| {
        let Action::Limit(limit) = rule.action else { return None };
        let same = seen.entry(&rule.name).or_default();
        *same += 1;
        (limit.per == Per::Rule).then(|| (place, (rule.name.clone(), *same), limit))
    })
}

/// What the policy says of packets that no rule can be asked about, or not yet.
fn switches(policy: &Policy) -> u32 {
    let settings = [
        (policy.fragments(), Switches::DROP_UNKNOWN_FRAGMENTS),
        (policy.unparsable(), Switches::DROP_UNPARSABLE),
        (policy.undecided(), Switches::DROP_OVER_BUDGET),
    ];
    let on = settings.into_iter().filter(|(setting, _)| *setting == PassOrDrop::Drop);
    let hold = if policy.holds() { Switches::HOLD } else { 0 };
    on.fold(hold, |switches, (_, switch)| switches | switch)
}

#[cfg(test)]
mod tests;
