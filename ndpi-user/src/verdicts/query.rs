//! Which verdicts are asked for, and in which order.

use std::cmp::Reverse;

use anyhow::{Result, bail};
use ipnet::IpNet;
use ndpi_common::{Action, Key, VerdictEntry};

use crate::record::Names;

/// Entries that are sorted at a time, where few of them are kept.
const GATHERED: usize = 4096;

/// What is asked for. Of each list that is not empty, one must fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// Applications or what carries them, by name or number.
    pub(crate) apps: Vec<String>,
    /// Categories, by name or number.
    pub(crate) categories: Vec<String>,
    /// Actions.
    pub(crate) actions: Vec<Action>,
    /// Rules by name.
    pub(crate) rules: Vec<String>,
    /// Networks that one end is in.
    pub(crate) nets: Vec<IpNet>,
    /// Ports of one end.
    pub(crate) ports: Vec<u16>,
    /// Hosts, with all below them.
    pub(crate) hosts: Vec<String>,
    /// Flows without a verdict too.
    pub(crate) with_undecided: bool,
    /// And nothing else.
    pub(crate) without_decided: bool,
    /// What comes first.
    pub(crate) sort: Option<Sort>,
    /// How many at most.
    pub(crate) top: Option<usize>,
}

/// What the order goes by; the largest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Age,
    Idle,
    Packets,
    Bytes,
    Dropped,
}

/// A query whose names are numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    apps: Option<Vec<u16>>,
    categories: Option<Vec<u16>>,
    actions: Vec<Action>,
    nets: Vec<IpNet>,
    ports: Vec<u16>,
}

impl Query {
    /// Looks up what is asked for by name.
    ///
    /// # Errors
    ///
    /// nDPI has no such name, or is not there to ask.
    pub(super) fn filter(&self, names: Option<&Names>) -> Result<Filter> {
        let apps = numbers(&self.apps, names.map(|names| &names.apps[..]), "protocols")?;
        let categories =
            numbers(&self.categories, names.map(|names| &names.categories[..]), "categories")?;
        let (actions, nets, ports) = (self.actions.clone(), self.nets.clone(), self.ports.clone());
        Ok(Filter { apps, categories, actions, nets, ports })
    }

    /// Whether a verdict by a rule of this name is asked for.
    pub(super) fn takes_rule(&self, name: Option<&str>) -> bool {
        self.rules.is_empty() || name.is_some_and(|name| self.rules.iter().any(|it| it == name))
    }

    /// Whether they are asked for in an order.
    pub(super) fn is_sorted(&self) -> bool {
        self.sort.is_some() || self.top.is_some()
    }
}

/// The numbers of these names; `None` where there are no names.
fn numbers(
    asked: &[String],
    names: Option<&[std::sync::Arc<str>]>,
    list: &str,
) -> Result<Option<Vec<u16>>> {
    let mut found = Vec::new();
    for name in asked {
        if let Ok(number) = name.parse() {
            found.push(number);
            continue;
        }
        let Some(names) = names else {
            bail!("{name:?} cannot be looked up without nDPI: give its number, or --ndpi-library")
        };
        let before = found.len();
        let fitting = names.iter().enumerate().filter(|(_, it)| it.eq_ignore_ascii_case(name));
        found.extend(fitting.filter_map(|(number, _)| u16::try_from(number).ok()));
        if found.len() == before {
            bail!("nDPI has no {name:?}; list what it has with: ndpi-xdp list {list}");
        }
    }
    Ok((!asked.is_empty()).then_some(found))
}

impl Filter {
    /// Whether this verdict is asked for, but for its rule's name.
    pub(super) fn takes(&self, key: &Key, verdict: &VerdictEntry) -> bool {
        let has = |wanted: &Option<Vec<u16>>, numbers: &[u16]| {
            wanted.as_ref().is_none_or(|all| numbers.iter().any(|it| all.contains(it)))
        };
        has(&self.apps, &[verdict.app, verdict.master])
            && has(&self.categories, &[verdict.category])
            && (self.actions.is_empty()
                || self.actions.iter().any(|action| *action as u8 == verdict.action))
            && self.takes_ends(key)
    }

    /// Whether flows between such ends are asked for.
    pub(super) fn takes_ends(&self, key: &Key) -> bool {
        let (lower, upper) = (key.lower(), key.upper());
        let is_in = |address| self.nets.iter().any(|net| net.contains(&address));
        (self.nets.is_empty() || is_in(lower.0) || is_in(upper.0))
            && (self.ports.is_empty()
                || [lower.1, upper.1].iter().any(|port| self.ports.contains(port)))
    }
}

impl Sort {
    /// What comes first has the largest.
    fn key(self, verdict: &VerdictEntry) -> u64 {
        let (lower, upper) = (verdict.lower(), verdict.upper());
        match self {
            Self::Age => u64::MAX - verdict.decided_ns,
            Self::Idle => u64::from(u32::MAX - verdict.last_seen),
            Self::Packets => lower.packets + upper.packets,
            Self::Bytes => lower.bytes + upper.bytes,
            Self::Dropped => verdict.dropped().packets,
        }
    }
}

/// Verdicts in the order that they are asked for, within a bound of memory where few are.
#[derive(Debug)]
pub(super) struct Sorted {
    sort: Option<Sort>,
    top: usize,
    found: Vec<(Key, VerdictEntry)>,
}

impl Sorted {
    pub(super) fn new(query: &Query) -> Self {
        Self { sort: query.sort, top: query.top.unwrap_or(usize::MAX), found: Vec::new() }
    }

    pub(super) fn add(&mut self, key: Key, verdict: VerdictEntry) {
        self.found.push((key, verdict));
        if self.found.len() >= self.top.saturating_mul(2).max(GATHERED) {
            self.cut();
        }
    }

    /// The largest first; without an order that was asked for, the newest last, where a terminal shows them.
    pub(super) fn finish(mut self) -> Vec<(Key, VerdictEntry)> {
        self.cut();
        if self.sort.is_none() {
            self.found.reverse();
        }
        self.found
    }

    fn cut(&mut self) {
        match self.sort {
            Some(sort) => {
                self.found.sort_unstable_by_key(|(key, it)| (Reverse(sort.key(it)), *key));
            }
            None => self.found.sort_unstable_by_key(|(key, it)| Reverse((it.decided_ns, *key))),
        }
        self.found.truncate(self.top);
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{KeyV4, Tally};

    use super::*;

    fn key(port: u16) -> Key {
        Key::V4(KeyV4::new(([198, 18, 0, 1], port), ([198, 18, 5, 2], 443), 0, 6).0)
    }

    fn verdict(packets: u32, decided_ns: u64) -> VerdictEntry {
        VerdictEntry {
            action: Action::Drop as u8,
            app: 1,
            master: 2,
            category: 1,
            decided_ns,
            from_lower: Tally { packets, bytes: packets * 60 },
            ..VerdictEntry::default()
        }
    }

    fn names() -> Names {
        let list = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        Names {
            apps: list(&["Unknown", "Facebook", "TLS", "DNS"]),
            categories: list(&["Unspecified", "SocialNetwork"]),
            ..Names::default()
        }
    }

    fn takes(query: &Query) -> bool {
        query.filter(Some(&names())).unwrap().takes(&key(40_000), &verdict(1, 1))
    }

    #[test]
    fn one_of_each_list_must_fit() {
        let text = |all: &[&str]| all.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let none = Query::default();
        assert!(takes(&none));
        for (asked, fits) in
            [(&["facebook"][..], true), (&["tls"], true), (&["dns", "1"], true), (&["dns"], false)]
        {
            assert_eq!(takes(&Query { apps: text(asked), ..none.clone() }), fits, "{asked:?}");
        }
        assert!(takes(&Query { categories: text(&["socialnetwork"]), ..none.clone() }));
        assert!(!takes(&Query { actions: vec![Action::Count], ..none.clone() }));
        assert!(takes(&Query { actions: vec![Action::Count, Action::Drop], ..none.clone() }));
        let net = |net: &str| vec![net.parse().unwrap()];
        assert!(takes(&Query { nets: net("198.18.5.0/24"), ..none.clone() }));
        assert!(!takes(&Query { nets: net("198.18.6.0/24"), ..none.clone() }));
        assert!(!takes(&Query { nets: net("2001:db8::/32"), ..none.clone() }));
        assert!(takes(&Query { ports: vec![53, 443], ..none.clone() }));
        assert!(!takes(&Query { ports: vec![443], apps: text(&["dns"]), ..none.clone() }));
        let by_rule = Query { rules: text(&["no video"]), ..none };
        let found = [Some("no video"), Some("no"), None].map(|it| by_rule.takes_rule(it));
        assert_eq!(found, [true, false, false]);
    }

    #[test]
    fn a_name_that_ndpi_does_not_have_is_an_error() {
        let query = Query { apps: vec!["Fasebook".into()], ..Query::default() };
        let error = query.filter(Some(&names())).unwrap_err().to_string();
        assert!(error.contains("ndpi-xdp list protocols"), "{error}");
        let error = query.filter(None).unwrap_err().to_string();
        assert!(error.contains("give its number"), "{error}");
        let by_number = Query { apps: vec!["3".into()], ..Query::default() };
        assert!(by_number.filter(None).is_ok());
    }

    #[test]
    fn few_of_many_are_the_largest() {
        let sorted = |sort, top| {
            let query = Query { sort, top, ..Query::default() };
            let mut sorted = Sorted::new(&query);
            for port in 0..20_000u16 {
                let packets = u32::from(port).wrapping_mul(7919) % 20_011;
                sorted.add(key(port), verdict(packets, u64::from(port)));
            }
            let all = sorted.finish().into_iter();
            all.map(|(_, it)| (it.lower().packets, it.decided_ns)).collect::<Vec<_>>()
        };
        let most = sorted(Some(Sort::Packets), Some(3));
        let all = sorted(Some(Sort::Packets), None);
        assert_eq!((most.len(), all.len()), (3, 20_000));
        assert_eq!(most[..], all[..3]);
        assert!(all.is_sorted_by(|a, b| a.0 >= b.0));
        let oldest = sorted(Some(Sort::Age), Some(2));
        assert_eq!(oldest.iter().map(|it| it.1).collect::<Vec<_>>(), [0, 1]);
        let newest = sorted(None, Some(2));
        assert_eq!(newest.iter().map(|it| it.1).collect::<Vec<_>>(), [19_998, 19_999]);
    }
}
