//! Verdicts in the kernel's own maps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context, bail};
use ndpi_common::{
    Action, Direction, OWN_BUCKET, SequenceNumbers, State, TICK_NS, Track, VerdictEntry as Entry,
    tick_of,
};
use ndpi_flow::{End, FlowKey, Traffic, Volume};
use ndpi_kernel::{Clock, Kernel, Limits, RequestWatches, TrackMaps, VerdictMaps, Written};

use super::active_policy::{Allowance, full};
use super::store::{Activity, DesiredVerdict, KernelCounts, Suspended, VerdictStore};
use crate::locked::locked;

/// The rule number of the policy's default in an [`Entry`].
pub const NO_RULE: u16 = u16::MAX;

/// So many budgets more are shown of a flow whose client has not said its first message within the first.
const EXTENSION: u32 = 4;

/// How old the last packet of a flow may be that is to be looked at again.
const LATELY_NS: u64 = 2_000_000_000;

/// The kernel's maps as a [`VerdictStore`]; cheap to clone, one for each worker.
#[derive(Clone, Debug)]
pub struct KernelStore {
    verdicts: VerdictMaps,
    tracks: TrackMaps,
    limits: Limits,
    requests: RequestWatches,
    clock: Clock,
    /// What was counted in entries that had to go while their flows live on: because the map was
    /// full, or because another verdict took their place.
    carried: Arc<Mutex<HashMap<FlowKey, KernelCounts>>>,
    /// Packets of a flow that is looked at again that are shown at most.
    budget: u32,
    /// Flows that go on when the source of packets ends stay in the maps.
    keeps: bool,
}

impl KernelStore {
    /// A store over the maps of `kernel`, which shows `budget` packets of a flow at most.
    pub fn new(kernel: &Kernel, clock: Clock, budget: u32) -> Self {
        Self {
            verdicts: kernel.verdicts().clone(),
            tracks: kernel.tracks().clone(),
            limits: kernel.limits().clone(),
            requests: kernel.requests().clone(),
            clock,
            carried: Arc::default(),
            budget,
            keeps: false,
        }
    }

    /// The same, where what is enforced is to outlive the process or not: then flows that go on when the source of
    /// packets ends stay in the maps.
    #[must_use]
    pub fn keeping(self, keeps: bool) -> Self {
        Self { keeps, ..self }
    }

    /// The number of the bucket that a flow is to take from, made where it is to be its own. A flow
    /// that has the like, as `before` says, keeps it with what is in it.
    fn bucket(&self, desired: &DesiredVerdict, before: Option<&Entry>) -> anyhow::Result<u32> {
        if desired.verdict.action == Action::Inspect {
            return Ok(self.budget.saturating_mul(EXTENSION));
        }
        let limit = match desired.allowance {
            None => return Ok(0),
            Some(Allowance::Shared(number)) => return Ok(number),
            Some(Allowance::Own(limit)) => limit,
        };
        let full = full(&limit, self.clock.ktime_ns());
        if let Some(number) = before.and_then(own_bucket)
            && let Some(old) = self.limits.get(number)?
            && old.has_limit_of(&full)
        {
            return Ok(number);
        }
        Ok(self.limits.add_own(&full)?)
    }

    /// Has what is followed shown under an entry that is to be written.
    fn begin_watch(
        &self,
        entry: &mut Entry,
        followed: Option<(Direction, u32)>,
    ) -> anyhow::Result<()> {
        if let Some((client, from)) = followed {
            entry.watch = self.requests.add(client, from)?;
            entry.state |= State::WATCHED;
        }
        Ok(())
    }

    /// Removes what an entry that is gone had of its own: its bucket, and which packets were shown.
    fn release(&self, entry: &Entry) -> anyhow::Result<()> {
        self.remove_bucket(entry)?;
        if let Some(number) = watch(entry) {
            self.requests.remove(number)?;
        }
        Ok(())
    }

    /// Removes the bucket of an entry that is gone, if it was of that flow alone.
    fn remove_bucket(&self, entry: &Entry) -> anyhow::Result<()> {
        if let Some(number) = own_bucket(entry) {
            self.limits.remove(number)?;
        }
        Ok(())
    }

    /// Keeps the counters of an entry that is gone until its flow is over.
    fn carry(&self, key: FlowKey, entry: &Entry) {
        let counted = self.counted(entry);
        self.add(key, &counted);
    }

    /// Keeps what was dropped of a flow for its server's sake, while it had no verdict.
    fn carry_dropped(&self, key: FlowKey, track: &Track) {
        let dropped = dropped(track);
        if dropped.packets > 0 {
            self.add(key, &KernelCounts { dropped, ..KernelCounts::default() });
        }
    }

    fn add(&self, key: FlowKey, counted: &KernelCounts) {
        let mut carried = locked(&self.carried);
        carried.entry(key).or_default().add(counted);
    }

    /// The counters of an entry.
    fn counted(&self, entry: &Entry) -> KernelCounts {
        let (all, none) = (traffic(entry), Traffic::default());
        // What is inspected has no verdict to user space.
        let (undecided, decided) = if is_inspecting(entry) { (all, none) } else { (none, all) };
        let seen_ns = self.clock.epoch_ns(u64::from(entry.last_seen) * TICK_NS);
        KernelCounts {
            undecided,
            decided,
            dropped: entry.dropped().into(),
            last_seen_ns: (all.total().packets > 0).then_some(seen_ns),
        }
    }

    /// Writes an entry. One that has its flow inspected makes place for it, and what was counted there is taken; any
    /// other stays.
    fn insert(&self, key: &FlowKey, entry: &mut Entry) -> anyhow::Result<(Written, Traffic)> {
        let written = check(key, self.verdicts.insert(key, entry)?)?;
        let is_inspected = written == Written::Already
            && self.verdicts.get(key)?.as_ref().is_some_and(is_inspecting);
        if !is_inspected {
            return Ok((written, Traffic::default()));
        }
        // Taken, not replaced: then no packet is counted in an entry that nobody reads again. One that comes by
        // meanwhile has a track.
        let before = self.verdicts.take(key)?.unwrap_or_default();
        take_place(entry, &before);
        Ok((check(key, self.verdicts.insert(key, entry)?)?, traffic(&before)))
    }
}

/// A full map is an error: the tables of flows have no more places than it.
fn check(key: &FlowKey, written: Written) -> anyhow::Result<Written> {
    if written == Written::Full {
        bail!("no room for the verdict on {key:?}: more entries are needed (--max-flows)");
    }
    Ok(written)
}

impl VerdictStore for KernelStore {
    fn write(&self, desired: &DesiredVerdict) -> anyhow::Result<Traffic> {
        let key = &desired.key;
        let mut entry = entry(desired, self.bucket(desired, None)?, self.clock.ktime_ns());
        let watched = self.begin_watch(&mut entry, desired.followed);
        let written = watched.and_then(|()| self.insert(key, &mut entry));
        if !matches!(written, Ok((Written::Stands, _))) {
            self.release(&entry)?;
        }
        let (written, inspected) = written?;
        if written == Written::Already {
            return Ok(inspected);
        }
        // Only now: had the track gone first, a packet in between would have opened another.
        let track = self.tracks.take(key).context("the verdict stands, but its track is left")?;
        if let Some(track) = &track {
            self.carry_dropped(*key, track);
        }
        let tracked = track.map_or_else(Traffic::default, |track| track.sent.into());
        Ok(inspected + tracked)
    }

    fn replace(&self, desired: &DesiredVerdict) -> anyhow::Result<Volume> {
        let key = &desired.key;
        let before = self.verdicts.get(key)?;
        let bucket = self.bucket(desired, before.as_ref())?;
        let mut entry = entry(desired, bucket, self.clock.ktime_ns());
        if let Some(before) = &before {
            go_on(&mut entry, before);
        }
        let written = self.verdicts.replace(key, &entry).map_err(Into::into);
        let written = written.and_then(|written| check(key, written));
        let (gone, stays) =
            if written.is_ok() { (before, Some(entry)) } else { (Some(entry), before) };
        if let Some(gone) = gone
            && stays.is_none_or(|stays| stays.bucket != gone.bucket)
        {
            self.remove_bucket(&gone)?;
        }
        written?;
        let Some(before) = before else { return Ok(Volume::default()) };
        self.carry(*key, &before);
        Ok(allowed(&before))
    }

    fn suspend(&self, key: &FlowKey, before: Traffic) -> anyhow::Result<Option<Suspended>> {
        let now = tick_of(self.clock.ktime_ns());
        let is_in_use = |entry: &Entry| {
            !entry.is_over() && u64::from(now.saturating_sub(entry.last_seen)) * TICK_NS < LATELY_NS
        };
        if !self.verdicts.get(key)?.as_ref().is_some_and(is_in_use) {
            return Ok(None);
        }
        let Some(entry) = self.verdicts.take(key)? else { return Ok(None) };
        self.carry(*key, &entry);
        self.add(*key, &KernelCounts { decided: before, ..KernelCounts::default() });
        self.release(&entry)?;
        // Where another flow has its place by now it is shown by a track, as any flow without a verdict.
        self.verdicts.insert(key, &inspecting(&entry, self.budget))?;
        Ok(Some(Suspended {
            passed: allowed(&entry),
            tcp_seen: [entry.tcp_flags_lower, entry.tcp_flags_upper],
            last_seen_ns: self.clock.epoch_ns(u64::from(entry.last_seen) * TICK_NS),
        }))
    }

    fn activity(&self, key: &FlowKey) -> anyhow::Result<Option<Activity>> {
        Ok(self.verdicts.get(key)?.map(|entry| Activity::of(key, &entry)))
    }

    fn is_track_answered(&self, key: &FlowKey) -> anyhow::Result<bool> {
        if let Some(entry) = self.verdicts.get(key)?.filter(is_inspecting) {
            return Ok(Activity::of(key, &entry).answers == [true; 2]);
        }
        Ok(self.tracks.is_answered(key)?)
    }

    fn numbers(&self, key: &FlowKey) -> anyhow::Result<Option<SequenceNumbers>> {
        Ok(self.tracks.latest(key)?.map(|track| track.sequence))
    }

    fn is_over(&self, key: &FlowKey, seen_ns: u64) -> anyhow::Result<bool> {
        let Some(entry) = self.verdicts.get(key)? else { return Ok(true) };
        // The note of it may have been lost to a change of the entry: what was said since the verdict
        // was made is about no earlier one.
        Ok(entry.is_over() || self.clock.epoch_ns(entry.decided_ns) <= seen_ns)
    }

    fn follow(&self, key: &FlowKey, followed: Option<(Direction, u32)>) -> anyhow::Result<()> {
        let Some(number) = self.verdicts.get(key)?.as_ref().and_then(watch) else { return Ok(()) };
        match followed {
            Some((_, from)) => self.requests.move_to(number, from)?,
            None => drop(self.requests.remove(number)?),
        }
        Ok(())
    }

    fn take(&self, key: &FlowKey) -> anyhow::Result<KernelCounts> {
        let mut taken = self.take_verdict(key)?;
        if let Some(track) = self.tracks.take(key)? {
            taken.undecided += track.sent.into();
            taken.dropped = taken.dropped + dropped(&track);
        }
        Ok(taken)
    }

    fn peek(&self, key: &FlowKey) -> anyhow::Result<KernelCounts> {
        let entry = self.verdicts.get(key)?;
        let mut counted = entry.map_or_else(KernelCounts::default, |entry| self.counted(&entry));
        if let Some(track) = self.tracks.get(key)? {
            counted.undecided += track.sent.into();
            counted.dropped = counted.dropped + dropped(&track);
        }
        let carried = locked(&self.carried);
        if let Some(earlier) = carried.get(key) {
            counted.add(earlier);
        }
        Ok(counted)
    }

    fn take_ended(&self, key: &FlowKey, end: End) -> anyhow::Result<KernelCounts> {
        match end {
            End::SourceEnded if self.keeps => self.peek(key),
            End::Reused => self.take_verdict(key),
            End::Idle | End::Closed | End::Evicted | End::SourceEnded => self.take(key),
        }
    }

    fn take_verdict(&self, key: &FlowKey) -> anyhow::Result<KernelCounts> {
        let entry = self.verdicts.take(key)?;
        if let Some(entry) = &entry {
            self.release(entry)?;
        }
        let mut taken = entry.map_or_else(KernelCounts::default, |entry| self.counted(&entry));
        let mut carried = locked(&self.carried);
        if let Some(earlier) = carried.remove(key) {
            taken.add(&earlier);
        }
        Ok(taken)
    }
}

/// Whether an entry has its flow inspected.
fn is_inspecting(entry: &Entry) -> bool {
    entry.action == Action::Inspect as u8
}

/// The entry that has the flow of another one inspected: `budget` packets are shown.
fn inspecting(entry: &Entry, budget: u32) -> Entry {
    let Entry { rule, app, master, category, revision, note, .. } = *entry;
    let (action, bucket) = (Action::Inspect as u8, budget);
    let mut inspecting =
        Entry { action, bucket, rule, app, master, category, revision, note, ..Entry::default() };
    go_on(&mut inspecting, entry);
    inspecting.state &= !State::WATCHED;
    inspecting
}

/// The number of an entry's bucket, if that is the flow's own.
fn own_bucket(entry: &Entry) -> Option<u32> {
    (entry.bucket & OWN_BUCKET != 0 && !is_inspecting(entry)).then_some(entry.bucket)
}

/// The number of what says which packets are shown under an entry.
fn watch(entry: &Entry) -> Option<u32> {
    (entry.state & State::WATCHED != 0).then_some(entry.watch)
}

/// The map entry of a verdict made at `now_ns` nanoseconds since boot.
fn entry(desired: &DesiredVerdict, bucket: u32, now_ns: u64) -> Entry {
    let DesiredVerdict { verdict, revision, classification, state, .. } = *desired;
    let [lower, upper] = desired.tcp_seen;
    Entry {
        action: verdict.action as u8,
        tcp_flags_lower: lower,
        tcp_flags_upper: upper,
        state,
        last_seen: tick_of(now_ns),
        rule: verdict.rule.unwrap_or(NO_RULE),
        app: classification.app.app,
        master: classification.app.master,
        category: classification.category.0,
        decided_ns: now_ns,
        bucket,
        revision,
        note: desired.note.word(),
        ..Entry::default()
    }
    .opened_by(desired.opening)
}

/// The flow of `entry` goes on from what the kernel noted under another verdict, but for the counts.
fn go_on(entry: &mut Entry, before: &Entry) {
    entry.last_seen = before.last_seen;
    entry.tcp_flags_lower |= before.tcp_flags_lower;
    entry.tcp_flags_upper |= before.tcp_flags_upper;
    let known = entry.state & (State::INGRESS_LOWER | State::INGRESS_UPPER);
    (entry.state, entry.opening) = (before.state | known, before.opening);
    entry.asked_at = before.asked_at;
    entry.decided_ns = before.decided_ns;
    entry.watch = before.watch;
}

/// The flow of `entry` goes on from what the kernel noted while it was inspected. Which of its packets are shown from now
/// on is of `entry`.
fn take_place(entry: &mut Entry, inspecting: &Entry) {
    let (watched, watch) = (entry.state & State::WATCHED, entry.watch);
    go_on(entry, inspecting);
    (entry.state, entry.watch) = (entry.state | watched, watch);
}

/// What passed under an entry that blocks nothing.
fn allowed(entry: &Entry) -> Volume {
    if Action::from_byte(entry.action).is_none_or(Action::drops) {
        return Volume::default();
    }
    traffic(entry).total().beyond(entry.dropped().into())
}

/// What was dropped of a flow while it had no verdict.
fn dropped(track: &Track) -> Volume {
    track.dropped.into()
}

/// What both endpoints sent since the verdict.
fn traffic(entry: &Entry) -> Traffic {
    [entry.lower(), entry.upper()].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_requests_are_shown_is_known_behind_a_look_and_not_during_one() {
        let (state, action) = (State::WATCHED | State::KNOCKED, Action::Count as u8);
        let passing = Entry { action, state, watch: 3, ..Entry::default() };
        let inspected = Entry { last_seen: 9, ..inspecting(&passing, 5) };
        assert_eq!((watch(&inspected), inspected.bucket), (None, 5));
        let mut decided = Entry { action, state: State::WATCHED, watch: 4, ..Entry::default() };
        take_place(&mut decided, &inspected);
        assert_eq!((watch(&decided), decided.last_seen), (Some(4), 9));
        assert_eq!(decided.state & State::KNOCKED, State::KNOCKED, "what the kernel noted");
        let mut nothing_followed = Entry { action, ..Entry::default() };
        take_place(&mut nothing_followed, &inspected);
        assert_eq!(watch(&nothing_followed), None);
    }
}
