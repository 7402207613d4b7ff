//! The look-up of every matcher.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ndpi_labels::{BreedId, CategoryId, Finding};

use super::clause::Clause;
use super::exact::ByKey;
use super::groups::ByGroup;
use super::hosts::ByHost;
use super::ranges::{ByRange, Number};
use super::sets::Words;
use crate::app_pattern::AppPattern;
use crate::net::{Net, Range};
use crate::rule::{At, Matchers, Rule};

#[derive(Debug)]
pub(super) struct Lookups {
    pub(super) app: Clause<ByKey<AppPattern>>,
    pub(super) category: Clause<ByKey<CategoryId>>,
    pub(super) flow_category: Clause<ByKey<CategoryId>>,
    pub(super) group: Clause<ByGroup>,
    pub(super) breed: Clause<ByKey<BreedId>>,
    pub(super) risk: Clause<ByKey<u8>>,
    pub(super) risk_score: Clause<ByRange<u16>>,
    pub(super) host: Clause<ByHost>,
    pub(super) ja4: Clause<ByKey<String>>,
    pub(super) alpn: Clause<ByKey<String>>,
    pub(super) src: Clause<ByNet>,
    pub(super) dst: Clause<ByNet>,
    pub(super) any: Clause<ByNet>,
    pub(super) port: Clause<ByRange<u16>>,
    pub(super) proto: Clause<ByKey<u8>>,
    pub(super) vlan: Clause<ByRange<u16>>,
    pub(super) iface: Clause<ByKey<String>>,
    pub(super) confidence: Clause<ByRange<u8>>,
    pub(super) guessed: Clause<ByKey<bool>>,
    pub(super) incomplete: Clause<ByKey<bool>>,
    pub(super) evasion: Clause<ByKey<Finding>>,
}

/// The list of a matcher.
type Pick<T> = fn(&Matchers) -> Option<&Vec<At<T>>>;

impl Lookups {
    pub(super) fn new(rules: &[Rule]) -> Self {
        Self {
            app: by_key(rules, |m| m.app.as_ref()),
            category: by_key(rules, |m| m.category.as_ref()),
            flow_category: by_key(rules, |m| m.flow_category.as_ref()),
            group: by_group(rules),
            breed: by_key(rules, |m| m.breed.as_ref()),
            risk: by_key(rules, |m| m.risk.as_ref()),
            risk_score: at_least(rules, u16::MAX, |m| Some(m.risk_score?.value)),
            host: by_host(rules),
            ja4: by_key(rules, |m| m.ja4.as_ref()),
            alpn: by_key(rules, |m| m.alpn.as_ref()),
            src: by_net(rules, |m| m.src.as_ref()),
            dst: by_net(rules, |m| m.dst.as_ref()),
            any: by_net(rules, |m| m.any.as_ref()),
            port: by_range(rules, |m| m.port.as_ref()),
            proto: by_key(rules, |m| m.proto.as_ref()),
            vlan: by_range(rules, |m| m.vlan.as_ref()),
            iface: by_key(rules, |m| m.iface.as_ref()),
            confidence: at_least(rules, u8::MAX, |m| Some(m.confidence?.value.0)),
            guessed: by_flag(rules, |m| Some(m.guessed?.value)),
            incomplete: by_flag(rules, |m| Some(m.incomplete?.value)),
            evasion: by_finding(rules),
        }
    }
}

/// Rules by network of either family.
#[derive(Debug)]
pub(super) struct ByNet {
    v4: ByRange<u32>,
    v6: ByRange<u128>,
}

/// An address as the number its family is sorted by.
#[derive(Clone, Copy)]
pub(super) enum Ip {
    V4(u32),
    V6(u128),
}

pub(super) fn ip_of(address: IpAddr) -> Ip {
    match address.to_canonical() {
        IpAddr::V4(ip) => Ip::V4(ip.to_bits()),
        IpAddr::V6(ip) => Ip::V6(ip.to_bits()),
    }
}

impl ByNet {
    pub(super) fn add_to(&self, ip: Ip, union: &mut Words) {
        match ip {
            Ip::V4(bits) => self.v4.add_to(bits, union),
            Ip::V6(bits) => self.v6.add_to(bits, union),
        }
    }
}

fn by_key<K: Clone + std::hash::Hash + Eq + 'static>(
    rules: &[Rule],
    list: Pick<K>,
) -> Clause<ByKey<K>> {
    Clause::new(
        rules,
        |matchers| list(matchers).is_some(),
        |all| ByKey::new(width(rules), entries(all, list).map(|(key, rule)| (key.clone(), rule))),
    )
}

fn by_flag(rules: &[Rule], flag: fn(&Matchers) -> Option<bool>) -> Clause<ByKey<bool>> {
    Clause::new(
        rules,
        |matchers| flag(matchers).is_some(),
        |all| {
            let flags = all.filter_map(|(matchers, rule)| Some((flag(matchers)?, rule)));
            ByKey::new(width(rules), flags)
        },
    )
}

fn by_host(rules: &[Rule]) -> Clause<ByHost> {
    Clause::new(
        rules,
        |matchers| matchers.host.is_some(),
        |all| ByHost::new(width(rules), entries(all, |matchers| matchers.host.as_ref())),
    )
}

fn by_group(rules: &[Rule]) -> Clause<ByGroup> {
    Clause::new(
        rules,
        |matchers| matchers.group.is_some(),
        |all| {
            let groups = entries(all, |matchers| matchers.group.as_ref());
            ByGroup::new(width(rules), groups.map(|(group, rule)| (&**group, rule)))
        },
    )
}

fn by_finding(rules: &[Rule]) -> Clause<ByKey<Finding>> {
    Clause::new(
        rules,
        |matchers| matchers.evasion.is_some(),
        |all| {
            let sets = entries(all, |matchers| matchers.evasion.as_ref());
            let each = sets.flat_map(|(set, rule)| set.iter().map(move |finding| (finding, rule)));
            ByKey::new(width(rules), each)
        },
    )
}

fn by_range(rules: &[Rule], list: Pick<RangeInclusive<u16>>) -> Clause<ByRange<u16>> {
    Clause::new(
        rules,
        |matchers| list(matchers).is_some(),
        |all| {
            ByRange::new(
                width(rules),
                entries(all, list).map(|(range, rule)| (range.clone(), rule)),
            )
        },
    )
}

fn at_least<T: Number>(
    rules: &[Rule],
    max: T,
    bound: fn(&Matchers) -> Option<T>,
) -> Clause<ByRange<T>> {
    Clause::new(
        rules,
        |matchers| bound(matchers).is_some(),
        |all| {
            let ranges = all.filter_map(|(matchers, rule)| Some((bound(matchers)?..=max, rule)));
            ByRange::new(width(rules), ranges)
        },
    )
}

fn by_net(rules: &[Rule], list: Pick<Net>) -> Clause<ByNet> {
    Clause::new(
        rules,
        |matchers| list(matchers).is_some(),
        |all| {
            let (mut v4, mut v6) = (Vec::new(), Vec::new());
            for (net, rule) in entries(all, list) {
                match Range::from(*net) {
                    Range::V4(range) => v4.push((range, rule)),
                    Range::V6(range) => v6.push((range, rule)),
                }
            }
            let width = width(rules);
            ByNet {
                v4: ByRange::new(width, v4.into_iter()),
                v6: ByRange::new(width, v6.into_iter()),
            }
        },
    )
}

/// The entries of a list matcher with the rule each belongs to.
fn entries<'m, T: 'm>(
    all: &mut dyn Iterator<Item = (&'m Matchers, u16)>,
    list: Pick<T>,
) -> impl Iterator<Item = (&'m T, u16)> {
    all.flat_map(move |(matchers, rule)| {
        list(matchers).into_iter().flatten().map(move |at| (&at.value, rule))
    })
}

fn width(rules: &[Rule]) -> usize {
    rules.len().div_ceil(64)
}
