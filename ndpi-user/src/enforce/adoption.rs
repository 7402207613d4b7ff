//! Decided flows of an instance that is gone, read from the kernel's maps.

use std::collections::HashMap;
use std::sync::Arc;

use ndpi::{AppId, CategoryId, Classification};
use ndpi_common::reopen::Opening;
use ndpi_common::{
    Action, Direction, EntryNote, Key, OWN_BUCKET, RuleKey, State, TICK_NS, VerdictEntry,
};
use ndpi_flow::{EarlierRule, Inherited, Shards};
use ndpi_kernel::{Clock, MapError, RuleNames, VerdictMaps};
use ndpi_text::clean;

use super::kernel_store::NO_RULE;
use super::note::{confidence_of, step_of};
use super::store::Activity;

/// Reads flows out of verdict entries.
pub struct Adoption<'m> {
    names: &'m RuleNames,
    clock: &'m Clock,
    /// Rules that were met, by all that tells one from another.
    rules: HashMap<(RuleKey, bool, u32), Arc<EarlierRule>>,
}

impl<'m> Adoption<'m> {
    /// Names of rules come from `names`, and `clock` makes days of the kernel's time.
    pub fn new(names: &'m RuleNames, clock: &'m Clock) -> Self {
        Self { names, clock, rules: HashMap::new() }
    }

    /// The same by the worker that owns them. Where they cannot be read, their verdicts stand all the same until they
    /// are idle.
    pub fn by_owner(self, verdicts: &VerdictMaps, shards: Shards) -> Vec<Vec<Inherited>> {
        let mut owned: Vec<_> = (0..shards.count()).map(|_| Vec::new()).collect();
        match self.read(verdicts) {
            Ok(flows) => {
                if !flows.is_empty() {
                    log::info!("{} flows of an earlier instance are taken over", flows.len());
                }
                for flow in flows {
                    owned[shards.owner(&flow.key)].push(flow);
                }
            }
            Err(error) => log::error!(
                "flows of an earlier instance keep their verdicts, and no policy changes them: {:#}",
                anyhow::Error::new(error)
            ),
        }
        owned
    }

    /// All flows with a verdict, those first that were silent for longest. What that instance was looking at again passes
    /// as before. To be called before any worker makes a verdict: until then all are of an earlier instance.
    ///
    /// # Errors
    /// A map cannot be read.
    pub fn read(mut self, verdicts: &VerdictMaps) -> Result<Vec<Inherited>, MapError> {
        let mut flows = Vec::new();
        for entry in verdicts.entries() {
            let (key, mut entry) = entry?;
            if entry.action == Action::Inspect as u8 {
                (entry.action, entry.bucket) = (Action::Count as u8, 0);
                verdicts.replace(&key, &entry)?;
            }
            flows.extend(self.flow(key, &entry)?);
        }
        flows.sort_by_key(|flow| flow.last_seen_ns);
        Ok(flows)
    }

    /// The flow of an entry; `None` where it has no action that this version knows.
    fn flow(&mut self, key: Key, entry: &VerdictEntry) -> Result<Option<Inherited>, MapError> {
        let Some(action) = Action::from_byte(entry.action).filter(|it| *it != Action::None) else {
            return Ok(None);
        };
        let note = EntryNote::of_word(entry.note);
        let client = note.client.unwrap_or_else(|| likely_client(&key));
        let decided_ns = self.clock.epoch_ns(entry.decided_ns);
        let seen_ns = self.clock.epoch_ns(u64::from(entry.last_seen) * TICK_NS);
        Ok(Some(Inherited {
            key,
            client,
            tcp_seen: [entry.tcp_flags_lower, entry.tcp_flags_upper],
            ingress: entry.state & (State::INGRESS_LOWER | State::INGRESS_UPPER),
            opening: opening(entry),
            answered: is_answered(&key, entry, client),
            proven: note.proven,
            watched: entry.state & State::WATCHED != 0,
            ifindex: note.ifindex,
            incomplete: note.incomplete,
            decided_ns,
            // The coarse clock of the last packet may stand behind the exact one of the decision.
            last_seen_ns: seen_ns.max(decided_ns),
            classification: classification(entry, note),
            action,
            rule: self.rule(entry, note)?,
        }))
    }

    fn rule(
        &mut self,
        entry: &VerdictEntry,
        note: EntryNote,
    ) -> Result<Arc<EarlierRule>, MapError> {
        let key = RuleKey { revision: entry.revision, rule: entry.rule.into() };
        let bucket = if entry.bucket & OWN_BUCKET == 0 { entry.bucket } else { 0 };
        let place = (key, note.rests_on_more, bucket);
        if let Some(rule) = self.rules.get(&place) {
            return Ok(Arc::clone(rule));
        }
        let name = match entry.rule {
            NO_RULE => None,
            rule => Some(self.names.get(&key)?.map_or_else(
                || format!("rule {}", u32::from(rule) + 1),
                |name| clean(name.as_str()).into_owned(),
            )),
        };
        let rule = Arc::new(EarlierRule {
            revision: entry.revision,
            place: (entry.rule != NO_RULE).then_some(entry.rule),
            name: name.map(Into::into),
            rests_on_more: note.rests_on_more,
            bucket: (bucket != 0).then_some(bucket),
        });
        self.rules.insert(place, Arc::clone(&rule));
        Ok(rule)
    }
}

/// Who is taken for the client where nobody has noted it: servers have the lower ports.
fn likely_client(key: &Key) -> Direction {
    let ((_, lower), (_, upper)) = (key.lower(), key.upper());
    if lower < upper { Direction::FromUpper } else { Direction::FromLower }
}

/// The SYN that opened the flow's connection, unless another was noted in its place.
fn opening(entry: &VerdictEntry) -> Option<Opening> {
    let is_own = entry.state & (State::OPENED | State::UNSETTLED) == State::OPENED;
    is_own.then_some(Opening(entry.opening))
}

/// Whether the other side of its client was heard from where it is.
fn is_answered(key: &Key, entry: &VerdictEntry, client: Direction) -> bool {
    let [lower, upper] = Activity::of(key, entry).answers;
    let heard = match client {
        Direction::FromLower => upper,
        Direction::FromUpper => lower,
    };
    heard && entry.state & State::ONE_PLACE == 0
}

fn classification(entry: &VerdictEntry, note: EntryNote) -> Classification {
    Classification {
        state: step_of(note.state),
        app: AppId { master: entry.master, app: entry.app },
        category: CategoryId(entry.category),
        confidence: confidence_of(note.confidence),
        guessed: note.guessed,
        ..Classification::default()
    }
}
