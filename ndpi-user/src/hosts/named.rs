//! The names as they cross the control socket, a line each, and as those who ask look them up.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::path::Path;

use anyhow::Result;
use ndpi_common::{Direction, Key};
use ndpi_flow::key_between;
use ndpi_text::clean;
use serde::{Deserialize, Serialize};

use crate::control::{self, Command};

/// A flow's client, server and host name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) vlan: u16,
    pub(crate) proto: u8,
    pub(crate) src: IpAddr,
    pub(crate) sport: u16,
    pub(crate) dst: IpAddr,
    pub(crate) dport: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hostname: Option<Box<str>>,
}

impl Named {
    /// The flow's key, and which way its client's packets go; `None` for ends of two families.
    pub(crate) fn key(&self) -> Option<(Key, Direction)> {
        key_between((self.src, self.sport), (self.dst, self.dport), (self.vlan, self.proto, 0))
    }
}

/// Names that are looked for before another is written down: flows that were decided one after the other often have the
/// same few.
const KEPT: usize = 4096;

/// What a running instance knows of its decided flows, of which there may be a million: 16 bytes for each, and the names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Flows by a hash of their keys, in its order once all are there. Two of a million have the same once in forty million times.
    flows: Vec<(u64, Place)>,
    hasher: RandomState,
    /// The names one after the other, each behind its length.
    texts: Vec<u8>,
    /// Where some of them are.
    kept: HashMap<Box<str>, u32>,
}

/// Which way the client's packets go, and where the host name is.
#[derive(Clone, Copy, Debug)]
struct Place {
    client: Direction,
    /// One more than its place among the names; 0 where there is none.
    name: u32,
}

impl Names {
    /// Which way the client's packets go, and the host name, where they are known.
    pub(crate) fn of(&self, key: &Key) -> (Option<Direction>, Option<&str>) {
        let hash = self.hasher.hash_one(key);
        let found = self.flows.binary_search_by_key(&hash, |(hash, _)| *hash);
        let Ok(found) = found else { return (None, None) };
        let Place { client, name } = self.flows[found].1;
        (Some(client), self.name(name))
    }

    /// The name at a place.
    fn name(&self, place: u32) -> Option<&str> {
        let (length, rest) = self.texts.get(place.checked_sub(1)? as usize..)?.split_first()?;
        std::str::from_utf8(rest.get(..usize::from(*length))?).ok()
    }

    /// Where a name is, which is written down where it is not there.
    fn place_of(&mut self, name: &str) -> u32 {
        if let Some(place) = self.kept.get(name) {
            return *place;
        }
        let Ok(place) = u32::try_from(self.texts.len() + 1) else { return 0 };
        // No name of a host is longer (RFC 1035, section 2.3.4).
        let length = name.floor_char_boundary(usize::from(u8::MAX));
        self.texts.push(u8::try_from(length).unwrap_or(u8::MAX));
        self.texts.extend(&name.as_bytes()[..length]);
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        self.kept.insert(name.into(), place);
        place
    }

    /// Whether the flow's host is one of these, or below it.
    pub(crate) fn is_at(&self, key: &Key, hosts: &[String]) -> bool {
        let Some(name) = self.of(key).1 else { return false };
        hosts.iter().any(|host| {
            let rest = name.len().checked_sub(host.len()).filter(|at| name.is_char_boundary(*at));
            rest.is_some_and(|at| {
                let (before, last) = name.split_at(at);
                last.eq_ignore_ascii_case(host) && (before.is_empty() || before.ends_with('.'))
            })
        })
    }

    /// Adds what is known of a flow. To be [completed](Self::complete) before the first is looked up.
    pub(super) fn add(&mut self, named: &Named) {
        if let Some((key, client)) = named.key() {
            // The instance reads packets that anybody sends.
            let name = named.hostname.as_deref().map_or(0, |name| self.place_of(&clean(name)));
            self.flows.push((self.hasher.hash_one(key), Place { client, name }));
        }
    }

    /// Puts all in order.
    #[must_use]
    pub(super) fn complete(mut self) -> Self {
        self.flows.sort_unstable_by_key(|(hash, _)| *hash);
        self.kept = HashMap::new();
        self
    }
}

/// Asks the instance with these pins.
///
/// # Errors
///
/// There is none, or it does not answer.
pub(crate) fn fetch(pins: &Path) -> Result<Names> {
    let mut names = Names::default();
    control::fetch(pins, Command::Hosts, |named| names.add(&named))?;
    Ok(names.complete())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(hostname: &str) -> Named {
        let (src, dst) = ([198, 18, 0, 9].into(), [198, 18, 0, 2].into());
        Named { vlan: 0, proto: 6, src, sport: 4, dst, dport: 443, hostname: Some(hostname.into()) }
    }

    #[test]
    fn a_host_is_looked_for_with_all_below_it() {
        let mut names = Names::default();
        let named = named("www.example.org");
        names.add(&named);
        let names = names.complete();
        let (key, client) = named.key().unwrap();
        assert_eq!(names.of(&key), (Some(client), Some("www.example.org")));
        let is_at = |host: &str| names.is_at(&key, &[host.to_owned()]);
        assert!(is_at("example.org") && is_at("WWW.example.org") && is_at("org"));
        assert!(!is_at("ample.org") && !is_at("a.www.example.org") && !is_at("example.com"));
    }

    #[test]
    fn many_flows_have_their_names_and_little_memory() {
        let mut names = Names::default();
        let of = |number: u32| {
            let [_, _, a, b] = number.to_be_bytes();
            let hostname =
                (!number.is_multiple_of(3)).then(|| format!("n{}.example", number / 7).into());
            Named { src: [198, 19, a, b].into(), hostname, ..named("") }
        };
        for number in 0..60_000 {
            names.add(&of(number));
        }
        let names = names.complete();
        for number in 0..60_000 {
            let expected = of(number);
            let (key, client) = expected.key().unwrap();
            assert_eq!(names.of(&key), (Some(client), expected.hostname.as_deref()), "{number}");
        }
        assert_eq!(size_of::<(u64, Place)>(), 16);
        assert!(names.texts.len() < 60_000 / 7 * 16, "each name once, where equal ones are near");
        let long = Named { hostname: Some("é".repeat(200).into()), ..named("") };
        let mut names = Names::default();
        names.add(&long);
        let names = names.complete();
        assert_eq!(names.of(&long.key().unwrap().0).1.unwrap().len(), 254);
    }

    #[test]
    fn what_is_not_known_is_at_no_host() {
        let (key, _) = named("a").key().unwrap();
        assert_eq!(Names::default().of(&key), (None, None));
        assert!(!Names::default().is_at(&key, &["a".into()]));
    }
}
