//! When an entry of a matcher takes every flow that another takes.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ndpi_labels::{BreedId, CategoryId, Findings};

use crate::app_pattern::AppPattern;
use crate::confidence::Rank;
use crate::diagnose::Place;
use crate::group::Group;
use crate::host::HostPattern;
use crate::net::Net;
use crate::rule::{At, Matchers};
use crate::schedule::Schedule;

/// Finds the entry of a list that covers an entry.
pub(super) type Find<'r, T> = Box<dyn Fn(&T) -> Option<Place> + 'r>;

/// An entry of a matcher.
pub(super) trait Cover: Sized {
    /// Whether looking up an entry takes less than comparing it with the whole list.
    const SCALES: bool = false;

    /// Whether every flow that `other` takes is taken.
    fn covers(&self, other: &Self) -> bool;

    /// A look-up in a list. Of several entries that cover one, the widest is found, and of equal
    /// ones the first, as far as the kind of entry can tell.
    fn finder(list: &[At<Self>]) -> Find<'_, Self> {
        Box::new(|entry| {
            let mut covering = list.iter().filter(|wide| wide.value.covers(entry));
            let strict = covering.clone().find(|wide| !entry.covers(&wide.value));
            strict.or_else(|| covering.next()).map(|wide| wide.place)
        })
    }
}

impl Cover for AppPattern {
    fn covers(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Either(a), Self::Either(b)) => a == b,
            (either @ Self::Either(_), Self::Pair(pair)) => either.matches(pair),
            (Self::Pair(a), Self::Pair(b)) => a == b,
            (Self::Pair(_), Self::Either(_)) => false,
        }
    }
}

impl Cover for Arc<Group> {
    fn covers(&self, other: &Self) -> bool {
        let has = |entry: &AppPattern| self.apps.iter().any(|its| its.covers(entry));
        other.apps.iter().all(has)
            && other.categories.iter().all(|entry| self.categories.contains(entry))
    }
}

/// Entries that cover only their equal.
macro_rules! cover_equal {
    ($($type:ty),*) => {
        $(impl Cover for $type {
            fn covers(&self, other: &Self) -> bool {
                self == other
            }
        })*
    };
}
cover_equal!(CategoryId, BreedId, u8, String, bool);

impl Cover for RangeInclusive<u16> {
    fn covers(&self, other: &Self) -> bool {
        self.start() <= other.start() && other.end() <= self.end()
    }
}

/// Lower bounds: the lower one takes more.
impl Cover for u16 {
    fn covers(&self, other: &Self) -> bool {
        self <= other
    }
}

impl Cover for Rank {
    fn covers(&self, other: &Self) -> bool {
        self <= other
    }
}

impl Cover for Findings {
    fn covers(&self, other: &Self) -> bool {
        other.difference(*self).is_empty()
    }
}

impl Cover for Schedule {
    fn covers(&self, other: &Self) -> bool {
        Self::covers(self, other)
    }
}

impl Cover for Net {
    const SCALES: bool = true;

    fn covers(&self, other: &Self) -> bool {
        Self::covers(*self, *other)
    }

    fn finder(list: &[At<Self>]) -> Find<'_, Self> {
        // Networks nest or are apart: the widest ones are apart, so the one that could cover an
        // entry is the last to start before it.
        let mut sorted: Vec<_> = list.iter().collect();
        sorted.sort_by_key(|at| at.value);
        let mut widest: Vec<&At<Self>> = Vec::new();
        for at in sorted {
            if !widest.last().is_some_and(|last| Self::covers(last.value, at.value)) {
                widest.push(at);
            }
        }
        Box::new(move |entry| {
            let after = widest.partition_point(|at| at.value <= *entry);
            let candidate = widest[..after].last()?;
            Self::covers(candidate.value, *entry).then_some(candidate.place)
        })
    }
}

impl Cover for HostPattern {
    const SCALES: bool = true;

    fn covers(&self, other: &Self) -> bool {
        let takes_below = !matches!(self, Self::Exact(_));
        match other {
            _ if matches!(self, Self::Any) => true,
            Self::Any => false,
            Self::Exact(name) => self.takes(name),
            _ if !takes_below => false,
            Self::Below(name) => self.name() == name || self.takes(name),
            Self::Tree(name) => self.takes(name),
        }
    }

    fn finder(list: &[At<Self>]) -> Find<'_, Self> {
        let any = list.iter().find(|at| at.value == Self::Any).map(|at| at.place);
        let mut by_name: HashMap<&str, Vec<&At<Self>>> = HashMap::new();
        for at in list {
            by_name.entry(at.value.name()).or_default().push(at);
        }
        Box::new(move |entry| {
            let widest_first = |at: &&&At<Self>| match at.value {
                Self::Tree(_) | Self::Any => 0,
                Self::Below(_) => 1,
                Self::Exact(_) => 2,
            };
            let mut suffixes: Vec<&str> = vec![entry.name()];
            while let Some((_, parent)) = suffixes[suffixes.len() - 1].split_once('.') {
                suffixes.push(parent);
            }
            let narrower = || {
                suffixes.iter().rev().find_map(|suffix| {
                    let named = by_name.get(suffix)?.iter();
                    let covering = named.filter(|at| at.value.covers(entry));
                    covering.min_by_key(widest_first).map(|at| at.place)
                })
            };
            any.or_else(narrower)
        })
    }
}

/// The entries of a matcher, a single value being a list of one.
pub(super) type Pick<T> = fn(&Matchers) -> Option<&[At<T>]>;

/// Calls a macro with the key and [`Pick`] of every matcher.
macro_rules! for_each_matcher {
    ($call:ident) => {
        $call!("app", |m| m.app.as_deref());
        $call!("category", |m| m.category.as_deref());
        $call!("flow_category", |m| m.flow_category.as_deref());
        $call!("group", |m| m.group.as_deref());
        $call!("breed", |m| m.breed.as_deref());
        $call!("risk", |m| m.risk.as_deref());
        $call!("risk_score", |m| m.risk_score.as_ref().map(std::slice::from_ref));
        $call!("host", |m| m.host.as_deref());
        $call!("ja4", |m| m.ja4.as_deref());
        $call!("alpn", |m| m.alpn.as_deref());
        $call!("src", |m| m.src.as_deref());
        $call!("dst", |m| m.dst.as_deref());
        $call!("any", |m| m.any.as_deref());
        $call!("port", |m| m.port.as_deref());
        $call!("proto", |m| m.proto.as_deref());
        $call!("vlan", |m| m.vlan.as_deref());
        $call!("iface", |m| m.iface.as_deref());
        $call!("confidence", |m| m.confidence.as_ref().map(std::slice::from_ref));
        $call!("guessed", |m| m.guessed.as_ref().map(std::slice::from_ref));
        $call!("incomplete", |m| m.incomplete.as_ref().map(std::slice::from_ref));
        $call!("evasion", |m| m.evasion.as_deref());
        $call!("schedule", |m| m.schedule.as_ref().map(std::slice::from_ref));
    };
}
pub(super) use for_each_matcher;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::SourceId;

    fn at<T>(value: T, start: u32) -> At<T> {
        At { value, place: Place { source: SourceId(0), start, end: start + 1 } }
    }

    fn found<T: Cover>(list: &[At<T>], entry: &T) -> Option<u32> {
        T::finder(list)(entry).map(|place| place.start)
    }

    fn host(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap()
    }

    fn net(text: &str) -> Net {
        Net::parse(text).unwrap().0
    }

    #[test]
    fn a_host_is_covered_by_itself_and_by_what_is_above() {
        let list: Vec<_> = [".a.example", "*.b.example", "c.example"]
            .iter()
            .zip(0..)
            .map(|(text, start)| at(host(text), start))
            .collect();
        for (entry, by) in [
            ("a.example", Some(0)),
            ("*.a.example", Some(0)),
            (".x.a.example", Some(0)),
            ("b.example", None),
            (".b.example", None),
            ("*.b.example", Some(1)),
            (".x.b.example", Some(1)),
            ("c.example", Some(2)),
            ("x.c.example", None),
            ("*.c.example", None),
        ] {
            assert_eq!(found(&list, &host(entry)), by, "{entry}");
        }
    }

    #[test]
    fn the_widest_network_is_found_however_they_nest() {
        let texts = ["198.18.7.0/24", "198.18.0.0/16", "198.19.0.1", "198.18.0.0/24", "::/0"];
        let list: Vec<_> = texts.iter().zip(0..).map(|(t, start)| at(net(t), start)).collect();
        for (entry, by) in [
            ("198.18.0.0/24", Some(1)),
            ("198.18.0.0/16", Some(1)),
            ("198.18.255.255", Some(1)),
            ("198.18.0.0/15", None),
            ("198.19.0.1", Some(2)),
            ("198.19.0.2", None),
            ("2001:db8::/32", Some(4)),
        ] {
            assert_eq!(found(&list, &net(entry)), by, "{entry}");
        }
    }

    #[test]
    fn a_protocol_covers_its_pairs() {
        let pair = AppPattern::Pair(ndpi_labels::AppId { master: 91, app: 119 });
        assert!(AppPattern::Either(91).covers(&pair) && AppPattern::Either(119).covers(&pair));
        assert!(!AppPattern::Either(7).covers(&pair) && !pair.covers(&AppPattern::Either(119)));
    }

    #[test]
    fn lower_bounds_cover_higher_ones() {
        assert!(50_u16.covers(&100) && !100_u16.covers(&50));
        assert!((1..=9_u16).covers(&(3..=9)) && !(3..=9_u16).covers(&(1..=9)));
    }
}
