//! The installer with a table in place of the kernel's maps.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use ndpi_common::{Bucket, OWN_BUCKET, RuleKey, State, Switches, VerdictEntry};
use ndpi_policy::{Limit, Per, Policy, Support, Vocabulary};

use super::PolicyInstaller;
use crate::enforce::rule_store::{References, RuleStore};
use crate::enforce::{ActivePolicy, Allowance};

/// Buckets and switches, with room for so many buckets.
#[derive(Default)]
struct Table {
    buckets: RefCell<BTreeMap<u32, Bucket>>,
    switches: Cell<u32>,
    names: RefCell<BTreeMap<(u32, u32), String>>,
    watches: RefCell<Vec<u32>>,
    /// Those that stand.
    verdicts: RefCell<Vec<VerdictEntry>>,
    room: usize,
}

impl RuleStore for &Table {
    fn set_bucket(&self, number: u32, bucket: &Bucket) -> anyhow::Result<()> {
        let mut buckets = self.buckets.borrow_mut();
        anyhow::ensure!(buckets.contains_key(&number) || buckets.len() < self.room, "no room");
        buckets.insert(number, *bucket);
        Ok(())
    }

    fn bucket(&self, number: u32) -> anyhow::Result<Option<Bucket>> {
        Ok(self.buckets.borrow().get(&number).copied())
    }

    fn remove_bucket(&self, number: u32) -> anyhow::Result<()> {
        self.buckets.borrow_mut().remove(&number);
        Ok(())
    }

    fn set_switches(&self, switches: u32) -> anyhow::Result<()> {
        self.switches.set(switches);
        Ok(())
    }

    fn set_rule_name(&self, key: RuleKey, name: &str) -> anyhow::Result<()> {
        self.names.borrow_mut().insert((key.revision, key.rule), name.to_owned());
        Ok(())
    }

    fn remove_rule_name(&self, key: RuleKey) -> anyhow::Result<()> {
        self.names.borrow_mut().remove(&(key.revision, key.rule));
        Ok(())
    }

    fn last_revision(&self) -> anyhow::Result<u32> {
        Ok(self.names.borrow().keys().map(|(revision, _)| *revision).max().unwrap_or_default())
    }

    fn buckets(&self) -> anyhow::Result<Vec<u32>> {
        Ok(self.numbers())
    }

    fn watches(&self) -> anyhow::Result<Vec<u32>> {
        Ok(self.watches.borrow().clone())
    }

    fn remove_watch(&self, number: u32) -> anyhow::Result<()> {
        self.watches.borrow_mut().retain(|other| *other != number);
        Ok(())
    }

    fn references(&self) -> anyhow::Result<References> {
        let mut references = References::default();
        self.verdicts.borrow().iter().for_each(|entry| references.add(entry));
        Ok(references)
    }

    fn retain_rule_names(&self, revisions: &HashSet<u32>) -> anyhow::Result<()> {
        self.names.borrow_mut().retain(|(revision, _), _| revisions.contains(revision));
        Ok(())
    }
}

impl Table {
    fn with_room(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    fn numbers(&self) -> Vec<u32> {
        self.buckets.borrow().keys().copied().collect()
    }

    fn bucket_of(&self, in_force: &ActivePolicy, rule: u16) -> Bucket {
        let Some(Allowance::Shared(number)) = in_force.allowance(Some(rule)) else {
            panic!("rule {rule} shares no bucket")
        };
        self.buckets.borrow()[&number]
    }
}

fn policy(text: &str) -> Arc<Policy> {
    let no_names = || std::iter::empty::<(u16, &str)>().collect();
    let vocabulary = Vocabulary {
        apps: no_names(),
        categories: no_names(),
        breeds: no_names(),
        risks: no_names(),
        ..Vocabulary::default()
    };
    let path = Path::new("p.toml");
    let parsed = ndpi_policy::parse(path, text, &vocabulary, Support::ALL, &|_| unreachable!());
    Arc::new(parsed.unwrap_or_else(|problems| panic!("{problems}")))
}

/// Rules that limit, each with its name, port and what it says.
fn rules(rules: &[(&str, &str)]) -> Arc<Policy> {
    let rules = rules.iter().zip(1..).map(|((name, limit), port)| {
        format!("[[rule]]\nname = \"{name}\"\nport = {port}\nlimit = {limit}\n")
    });
    policy(&rules.collect::<String>())
}

#[test]
fn a_bucket_stays_with_its_rule_wherever_it_moves() {
    let table = Table::with_room(9);
    let mut installer = PolicyInstaller::new(&table);
    let first = rules(&[("a", "\"80 kbit/s\""), ("b", "\"160 kbit/s\"")]);
    let first = installer.install(first, 5).unwrap();
    assert_eq!(table.numbers().len(), 2);
    let b = first.allowance(Some(1));
    let Some(Allowance::Shared(number)) = b else { panic!("{b:?}") };
    let used = Bucket { tokens: -7, refilled_ns: 6, ..table.bucket_of(&first, 1) };
    table.buckets.borrow_mut().insert(number, used);

    let second = rules(&[("new", "\"8 kbit/s\""), ("b", "\"160 kbit/s\""), ("c", "\"1 MB/s\"")]);
    let second = installer.install(second, 70).unwrap();
    assert_eq!(second.allowance(Some(1)), b);
    assert_eq!(table.bucket_of(&second, 1), used, "what was used stays used");
    assert_eq!(table.bucket_of(&second, 0).bytes_per_second, 1000);
    assert_eq!(table.numbers().len(), 4, "verdicts of the first policy may still stand");
    installer.remove_unused(&second);
    assert_eq!(table.numbers().len(), 3);

    // Its place is the same, it is another rule.
    let third = installer.install(rules(&[("other", "\"8 kbit/s\"")]), 90).unwrap();
    assert_ne!(third.allowance(Some(0)), second.allowance(Some(0)));
    installer.remove_unused(&third);
    assert_eq!(table.numbers().len(), 1);
}

#[test]
fn a_new_rate_takes_over_what_was_saved_up() {
    let table = Table::with_room(9);
    let mut installer = PolicyInstaller::new(&table);
    installer.install(rules(&[("a", "\"1 MB/s\"")]), 5).unwrap();
    let slower = rules(&[("a", "\"1 kB/s\"\nburst = \"2 kB\"")]);
    let slower = installer.install(slower, 9).unwrap();
    let bucket = Bucket { bytes_per_second: 1000, burst: 2000, tokens: 2000, refilled_ns: 9 };
    assert_eq!(table.bucket_of(&slower, 0), bucket);
}

#[test]
fn rules_of_one_name_have_a_bucket_each() {
    let table = Table::with_room(9);
    let mut installer = PolicyInstaller::new(&table);
    let same = rules(&[("a", "\"8 kbit/s\""), ("a", "\"16 kbit/s\"")]);
    let in_force = installer.install(same, 5).unwrap();
    assert_eq!(table.bucket_of(&in_force, 0).bytes_per_second, 1000);
    assert_eq!(table.bucket_of(&in_force, 1).bytes_per_second, 2000);
}

#[test]
fn a_rule_for_each_flow_has_no_bucket_to_share() {
    let table = Table::with_room(9);
    let mut installer = PolicyInstaller::new(&table);
    let policy = rules(&[("a", "\"1 MB/s\"\nburst = \"20 kB\"\nper = \"flow\"")]);
    let in_force = installer.install(policy, 5).unwrap();
    let limit = Limit { bytes_per_second: 1_000_000, burst_bytes: 20_000, per: Per::Flow };
    assert_eq!(in_force.allowance(Some(0)), Some(Allowance::Own(limit)));
    assert_eq!((in_force.allowance(None), table.numbers()), (None, vec![]));
}

#[test]
fn a_policy_that_finds_no_room_leaves_no_trace() {
    let table = Table::with_room(2);
    let mut installer = PolicyInstaller::new(&table);
    let first = installer.install(rules(&[("a", "\"8 kbit/s\"")]), 5).unwrap();
    let large = rules(&[("b", "\"8 kbit/s\""), ("c", "\"8 kbit/s\""), ("a", "\"8 kbit/s\"")]);
    let error = installer.install(large, 5).unwrap_err();
    assert!(format!("{error:#}").contains("no room"), "{error:#}");
    assert_eq!(table.numbers(), first.shared().collect::<Vec<_>>());
}

#[test]
fn the_settings_for_the_rest_are_switched_with_the_policy() {
    let table = Table::with_room(9);
    let mut installer = PolicyInstaller::new(&table);
    for (text, switches) in [
        ("fragments = \"drop\"", Switches::DROP_UNKNOWN_FRAGMENTS),
        (
            "fragments = \"drop\"\nunparsable = \"drop\"\nundecided = \"drop\"\nhold = true",
            Switches::LIVE,
        ),
        ("hold = true", Switches::HOLD),
        ("unparsable = \"drop\"", Switches::DROP_UNPARSABLE),
        ("undecided = \"drop\"", Switches::DROP_OVER_BUDGET),
        ("", 0),
    ] {
        installer.install(policy(text), 5).unwrap();
        assert_eq!(table.switches.get(), switches, "{text}");
    }
}

#[test]
fn rules_keep_their_names_as_long_as_a_verdict_refers_to_them() {
    let table = Table::with_room(4);
    let mut installer = PolicyInstaller::new(&table);
    let rule =
        |name: &str| policy(&format!("[[rule]]\nname = \"{name}\"\nport = 1\naction = \"drop\"\n"));
    let first = installer.install(rule("first"), 0).unwrap();
    let second = installer.install(rule("second"), 0).unwrap();
    assert_eq!((first.revision(), second.revision()), (1, 2));
    table.verdicts.replace(vec![by_policy(1)]);
    installer.remove_unused(&second);
    let names = || table.names.borrow().values().cloned().collect::<Vec<_>>();
    assert_eq!(names(), ["first", "second"]);
    let third = installer.install(rule("third"), 0).unwrap();
    table.verdicts.replace(vec![by_policy(3)]);
    installer.remove_unused(&third);
    assert_eq!(names(), ["third"]);
}

/// A verdict by the policy of this revision.
fn by_policy(revision: u32) -> VerdictEntry {
    VerdictEntry { revision, ..VerdictEntry::default() }
}

#[test]
fn of_an_instance_that_is_gone_stays_what_its_verdicts_refer_to() {
    let table = Table::with_room(9);
    let mut gone = PolicyInstaller::new(&table);
    let theirs = gone.install(rules(&[("a", "\"8 kbit/s\""), ("b", "\"8 kbit/s\"")]), 0).unwrap();
    let [a, b] = theirs.shared().collect::<Vec<_>>()[..] else { panic!("{theirs:?}") };
    let (own, unused) = (OWN_BUCKET | 1, OWN_BUCKET | 2);
    for number in [own, unused] {
        RuleStore::set_bucket(&&table, number, &Bucket::default()).unwrap();
    }
    table.watches.replace(vec![3, 4]);
    let watched = VerdictEntry { watch: 4, state: State::WATCHED, bucket: own, ..by_policy(1) };
    table.verdicts.replace(vec![VerdictEntry { bucket: a, ..by_policy(1) }, watched]);

    let mut next = PolicyInstaller::going_on(&table).unwrap();
    let ours = next.install(rules(&[("a", "\"8 kbit/s\"")]), 0).unwrap();
    next.remove_leftovers(&ours);
    let shared: Vec<_> = ours.shared().collect();
    assert_eq!(ours.revision(), 2);
    assert!(!table.numbers().contains(&b) && !table.numbers().contains(&unused));
    assert_eq!(table.numbers(), [&[a], &shared[..], &[own]].concat());
    assert_eq!(*table.watches.borrow(), [4]);
    assert!(table.names.borrow().contains_key(&(1, 0)), "a verdict was made by it");

    table.verdicts.replace(vec![]);
    next.remove_unused(&ours);
    assert_eq!(table.numbers(), [&shared[..], &[own]].concat(), "own ones go with their flows");
    assert!(table.names.borrow().keys().all(|(revision, _)| *revision == 2));
}

#[test]
fn a_policy_that_is_withdrawn_leaves_no_trace() {
    let table = Table::with_room(9);
    let mut gone = PolicyInstaller::new(&table);
    gone.install(rules(&[("a", "\"8 kbit/s\"")]), 0).unwrap();
    let before = (table.numbers(), table.names.borrow().clone());
    let mut next = PolicyInstaller::going_on(&table).unwrap();
    let ours = next.install(rules(&[("a", "\"8 kbit/s\""), ("b", "\"8 kbit/s\"")]), 0).unwrap();
    assert_ne!(table.numbers(), before.0);
    next.withdraw(&ours);
    assert_eq!((table.numbers(), table.names.borrow().clone()), before);
}
