//! A model of the kernel: its maps, and what the programs make of packets.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use ndpi_common::{Bucket, Direction, RuleKey, SequenceNumbers, Switches};
use ndpi_flow::{Action, FlowKey, Traffic, Volume};

use crate::enforce::{
    Activity, Allowance, DesiredVerdict, KernelCounts, RuleStore, Suspended, VerdictStore,
};

/// Packets of a flow that are shown at most.
pub(super) const BUDGET: u32 = 4;

/// Bytes of every packet.
pub(super) const BYTES: u64 = 100;

#[derive(Default)]
pub(super) struct Maps {
    pub(super) verdicts: HashMap<FlowKey, Entry>,
    pub(super) tracks: HashMap<FlowKey, Track>,
    /// Buckets that flows share.
    pub(super) buckets: HashMap<u32, Bucket>,
    /// Counters of verdicts that others took the place of.
    carried: HashMap<FlowKey, KernelCounts>,
    switches: u32,
    /// Goes on with every packet and verdict.
    clock: u32,
    /// Whether there is no room for another verdict.
    pub(super) full: bool,
}

pub(super) struct Entry {
    pub(super) standing: DesiredVerdict,
    pub(super) last_seen: u32,
    packets: u64,
    dropped: u64,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Track {
    shown: u32,
    packets: u64,
    dropped: u64,
}

/// What the programs do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handling {
    Dropped,
    Passed,
    /// Passed, and shown to user space: the last packet that is.
    Shown {
        last: bool,
    },
}

#[derive(Clone, Default)]
pub(super) struct Model(Rc<RefCell<Maps>>);

impl Model {
    pub(super) fn maps(&self) -> Ref<'_, Maps> {
        self.0.borrow()
    }

    pub(super) fn set_full(&self, full: bool) {
        self.maps_mut().full = full;
    }

    fn maps_mut(&self) -> RefMut<'_, Maps> {
        self.0.borrow_mut()
    }

    /// What the programs make of a packet.
    pub(super) fn packet(&self, key: &FlowKey) -> Handling {
        let maps = &mut *self.maps_mut();
        let Some(entry) = maps.verdicts.get_mut(key) else { return maps.undecided(key) };
        maps.clock += 1;
        entry.last_seen = maps.clock;
        let action = entry.standing.verdict.action;
        if action == Action::Bypass {
            return Handling::Passed;
        }
        entry.packets += 1;
        if action.drops() {
            entry.dropped += 1;
            return Handling::Dropped;
        }
        if let Some(Allowance::Shared(number)) = entry.standing.allowance {
            assert!(maps.buckets.contains_key(&number), "without its bucket, {key:?} has no limit");
        }
        Handling::Passed
    }
}

impl Maps {
    fn undecided(&mut self, key: &FlowKey) -> Handling {
        let track = self.tracks.entry(*key).or_default();
        track.packets += 1;
        if track.shown < BUDGET {
            track.shown += 1;
            return Handling::Shown { last: track.shown == BUDGET };
        }
        if self.switches & Switches::DROP_OVER_BUDGET == 0 {
            return Handling::Passed;
        }
        track.dropped += 1;
        Handling::Dropped
    }

    fn counted(entry: &Entry) -> KernelCounts {
        KernelCounts {
            decided: traffic(entry.packets),
            dropped: volume(entry.dropped),
            ..KernelCounts::default()
        }
    }

    fn carry(&mut self, key: FlowKey, taken: &KernelCounts) {
        self.carried.entry(key).or_default().add(taken);
    }
}

fn volume(packets: u64) -> Volume {
    Volume { packets, bytes: packets * BYTES }
}

fn traffic(packets: u64) -> Traffic {
    Traffic { lower: volume(packets), ..Traffic::default() }
}

fn entry(standing: &DesiredVerdict, last_seen: u32) -> Entry {
    assert_eq!(standing.allowance.is_some(), standing.verdict.action == Action::Limit);
    Entry { standing: *standing, last_seen, packets: 0, dropped: 0 }
}

impl VerdictStore for Model {
    fn write(&self, standing: &DesiredVerdict) -> anyhow::Result<Traffic> {
        let (key, maps) = (standing.key, &mut *self.maps_mut());
        if maps.verdicts.contains_key(&key) {
            return Ok(Traffic::default());
        }
        anyhow::ensure!(!maps.full, "no room");
        maps.clock += 1;
        maps.verdicts.insert(key, entry(standing, maps.clock));
        let track = maps.tracks.remove(&key).unwrap_or_default();
        maps.carry(
            key,
            &KernelCounts { dropped: volume(track.dropped), ..KernelCounts::default() },
        );
        Ok(traffic(track.packets))
    }

    fn replace(&self, standing: &DesiredVerdict) -> anyhow::Result<Volume> {
        let maps = &mut *self.maps_mut();
        maps.clock += 1;
        let before = maps.verdicts.insert(standing.key, entry(standing, maps.clock));
        let before = before.expect("a verdict that does not stand yet is written, not replaced");
        let counted = Maps::counted(&before);
        maps.carry(standing.key, &counted);
        let allowed = !before.standing.verdict.action.drops();
        let passed = counted.decided.total().packets - counted.dropped.packets;
        Ok(if allowed { volume(passed) } else { Volume::default() })
    }

    fn suspend(&self, key: &FlowKey, before: Traffic) -> anyhow::Result<Option<Suspended>> {
        let maps = &mut *self.maps_mut();
        let Some(entry) = maps.verdicts.remove(key) else { return Ok(None) };
        let counted = Maps::counted(&entry);
        maps.carry(*key, &counted);
        maps.carry(*key, &KernelCounts { decided: before, ..KernelCounts::default() });
        let passed = volume(entry.packets - entry.dropped);
        Ok(Some(Suspended { passed, tcp_seen: [0; 2], last_seen_ns: 0 }))
    }

    fn activity(&self, key: &FlowKey) -> anyhow::Result<Option<Activity>> {
        let maps = self.maps();
        let entry = maps.verdicts.get(key);
        Ok(entry.map(|entry| Activity { last_seen: entry.last_seen, answers: [false; 2] }))
    }

    fn is_track_answered(&self, _key: &FlowKey) -> anyhow::Result<bool> {
        Ok(false)
    }

    fn numbers(&self, _key: &FlowKey) -> anyhow::Result<Option<SequenceNumbers>> {
        Ok(None)
    }

    fn peek(&self, key: &FlowKey) -> anyhow::Result<KernelCounts> {
        let maps = self.maps();
        let mut counted = maps.carried.get(key).copied().unwrap_or_default();
        if let Some(entry) = maps.verdicts.get(key) {
            counted.add(&Maps::counted(entry));
        }
        Ok(counted)
    }

    fn is_over(&self, key: &FlowKey, _seen_ns: u64) -> anyhow::Result<bool> {
        Ok(!self.maps().verdicts.contains_key(key))
    }

    fn follow(&self, _key: &FlowKey, _followed: Option<(Direction, u32)>) -> anyhow::Result<()> {
        Ok(())
    }

    fn take(&self, key: &FlowKey) -> anyhow::Result<KernelCounts> {
        let mut taken = self.take_verdict(key)?;
        let track = self.maps_mut().tracks.remove(key).unwrap_or_default();
        let undecided = KernelCounts {
            undecided: traffic(track.packets),
            dropped: volume(track.dropped),
            ..KernelCounts::default()
        };
        taken.add(&undecided);
        Ok(taken)
    }

    fn take_verdict(&self, key: &FlowKey) -> anyhow::Result<KernelCounts> {
        let maps = &mut *self.maps_mut();
        let mut taken = maps.carried.remove(key).unwrap_or_default();
        if let Some(entry) = maps.verdicts.remove(key) {
            taken.add(&Maps::counted(&entry));
        }
        Ok(taken)
    }
}

impl RuleStore for Model {
    fn set_bucket(&self, number: u32, bucket: &Bucket) -> anyhow::Result<()> {
        self.maps_mut().buckets.insert(number, *bucket);
        Ok(())
    }

    fn bucket(&self, number: u32) -> anyhow::Result<Option<Bucket>> {
        Ok(self.maps().buckets.get(&number).copied())
    }

    fn remove_bucket(&self, number: u32) -> anyhow::Result<()> {
        let maps = &mut *self.maps_mut();
        maps.buckets.remove(&number);
        let points = |entry: &Entry| entry.standing.allowance == Some(Allowance::Shared(number));
        assert!(!maps.verdicts.values().any(points), "a verdict lost its bucket {number}");
        Ok(())
    }

    fn set_switches(&self, switches: u32) -> anyhow::Result<()> {
        self.maps_mut().switches = switches;
        Ok(())
    }

    fn set_rule_name(&self, _key: RuleKey, _name: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn remove_rule_name(&self, _key: RuleKey) -> anyhow::Result<()> {
        Ok(())
    }

    fn remove_watch(&self, _number: u32) -> anyhow::Result<()> {
        Ok(())
    }

    fn retain_rule_names(&self, _revisions: &HashSet<u32>) -> anyhow::Result<()> {
        Ok(())
    }
}
