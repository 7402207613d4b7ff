//! Decides what to do about interfaces that appear, change or disappear.

mod place;
mod step;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Instant;

use self::place::{Place, State};
pub(super) use self::step::{Failure, Step};
use super::{Event, Pattern};
use ndpi_kernel::{Attachment, Health, Interface, Links};

/// Names that are remembered: of containers, no two may ever have the same.
const REMEMBERED: usize = 1024;

/// What is still on the interface that had an index when it was attached to, beside the one that has it now.
type HealthOf<'a> = dyn Fn(u32, Option<&Interface>) -> io::Result<Option<Health>> + 'a;

/// The interfaces that were asked for, and what is on them.
#[derive(Debug)]
pub(super) struct Watch {
    asked: Vec<Asked>,
    places: Vec<Place>,
    /// Names of interfaces that were watched, the first of them.
    known: BTreeSet<String>,
}

/// Something asked for.
#[derive(Debug)]
struct Asked {
    pattern: Pattern,
    /// It was attached to at some time.
    served: bool,
}

impl Watch {
    /// Watches for interfaces that fit one of these.
    pub(super) fn new(patterns: impl IntoIterator<Item = Pattern>) -> Self {
        let asked = |pattern| Asked { pattern, served: false };
        Self {
            asked: patterns.into_iter().map(asked).collect(),
            places: Vec::new(),
            known: BTreeSet::new(),
        }
    }

    /// Compares what is there with what is to be: `seen` are all interfaces of the namespace, `health`
    /// says what is still on those that were attached to. Where that cannot be known, everything is taken
    /// to be as it was.
    pub(super) fn look(
        &mut self,
        seen: &[Interface],
        health: &HealthOf<'_>,
        now: Instant,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        let find = |index| seen.iter().find(|interface| interface.index == index);
        self.places.retain_mut(|place| {
            let found = find(place.index);
            let Ok(health) = health(place.index, found) else { return true };
            match found {
                Some(_) if health.is_some_and(|it| it.links == Links::Elsewhere) => {
                    place.is_replaced(&mut steps);
                    false
                }
                Some(interface) => {
                    place.look(interface, health, now, &mut steps);
                    true
                }
                None => place.is_missing(health, &mut steps),
            }
        });
        self.find_new(seen, now, &mut steps);
        steps
    }

    /// Interfaces that are asked for and have no place yet.
    fn find_new(&mut self, seen: &[Interface], now: Instant, steps: &mut Vec<Step>) {
        for (asked, Asked { pattern, .. }) in self.asked.iter().enumerate() {
            for interface in seen.iter().filter(|interface| is_asked(pattern, interface)) {
                if self.places.iter().any(|place| place.index == interface.index) {
                    continue;
                }
                let again = self.known.contains(&interface.name);
                self.places.push(Place::new(interface, asked, again, now));
                steps.push(Step::Attach { index: interface.index });
            }
        }
    }

    /// Notes what came of [`Step::Attach`] or [`Step::Mend`]; gives what is to be said of it.
    pub(super) fn settle(
        &mut self,
        index: u32,
        result: Result<Attachment, Failure>,
        now: Instant,
    ) -> Option<Event> {
        let place = self.places.iter_mut().find(|place| place.index == index)?;
        if result.is_ok() {
            self.asked[place.asked].served = true;
            if self.known.len() < REMEMBERED {
                self.known.insert(place.name.clone());
            }
        }
        place.settle(result, now)
    }

    /// Where nothing is enforced, or not all, and why.
    pub(super) fn unenforced(&self) -> BTreeMap<String, String> {
        let off = self.places.iter().filter_map(|place| Some((place.name.clone(), place.lacks()?)));
        let empty = self.asked.iter().enumerate().filter(|(asked, _)| !self.has_place(*asked));
        let why = |asked: &Asked| if asked.served { "gone" } else { "not there yet" };
        let empty = empty.map(|(_, asked)| (asked.pattern.to_string(), why(asked).to_owned()));
        off.chain(empty).collect()
    }

    /// Something that was asked for and attached to, and where nothing is enforced any more.
    pub(super) fn gone(&self) -> Option<&Pattern> {
        let is_on = |asked| self.places.iter().any(|it| it.asked == asked && it.state.is_on());
        let gone = |(asked, it): &(usize, &Asked)| it.served && !is_on(*asked);
        self.asked.iter().enumerate().find(gone).map(|(_, asked)| &asked.pattern)
    }

    /// Whether programs are anywhere.
    pub(super) fn is_anywhere(&self) -> bool {
        self.places.iter().any(|place| matches!(place.state, State::On { .. } | State::Away))
    }

    /// What the interface with this index was asked for by.
    pub(super) fn asked_by(&self, index: u32) -> Option<&Pattern> {
        let place = self.places.iter().find(|place| place.index == index)?;
        Some(&self.asked[place.asked].pattern)
    }

    /// The interface that is attached to for `name`; where one was renamed and another has its name now,
    /// the other.
    pub(super) fn attached_for(&self, name: &str) -> Option<u32> {
        let is_for = |place: &&Place| self.asked[place.asked].pattern.name() == Some(name);
        let on = self.places.iter().filter(is_for).filter(|place| place.state.is_on());
        on.max_by_key(|place| place.name == name).map(|place| place.index)
    }

    fn has_place(&self, asked: usize) -> bool {
        self.places.iter().any(|place| place.asked == asked)
    }
}

/// Whether an interface is asked for. The loopback is, by name: no pattern means it.
fn is_asked(pattern: &Pattern, interface: &Interface) -> bool {
    if pattern.name().is_none() && interface.loopback {
        return false;
    }
    let names = std::iter::once(&interface.name).chain(&interface.alternatives);
    names.into_iter().any(|name| pattern.fits(name))
}
