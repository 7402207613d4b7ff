//! The names as they cross the control socket, a line each, and as those who ask look them up.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use anyhow::Result;
use ndpi_common::{Direction, Key, KeyV4, KeyV6};
use ndpi_text::clean;
use serde::{Deserialize, Serialize};

use crate::control::{Command, read_lines, socket_of};

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
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let (src, dst) = ((src.octets(), self.sport), (dst.octets(), self.dport));
                let (key, direction) = KeyV4::new(src, dst, self.vlan, self.proto);
                Some((Key::V4(key), direction))
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let (src, dst) = ((src.octets(), self.sport), (dst.octets(), self.dport));
                let (key, direction) = KeyV6::new(src, dst, self.vlan, self.proto);
                Some((Key::V6(key), direction))
            }
            _ => None,
        }
    }
}

/// What a running instance knows of its decided flows.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<Key, (Direction, Option<Box<str>>)>);

impl Names {
    /// Which way the client's packets go, and the host name, where they are known.
    pub(crate) fn of(&self, key: &Key) -> (Option<Direction>, Option<&str>) {
        self.0.get(key).map_or((None, None), |(client, name)| (Some(*client), name.as_deref()))
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

    pub(super) fn add(&mut self, named: &Named) {
        if let Some((key, client)) = named.key() {
            // The instance reads packets that anybody sends.
            let hostname = named.hostname.as_deref().map(|name| clean(name).into());
            self.0.insert(key, (client, hostname));
        }
    }
}

/// Asks the instance with these pins.
///
/// # Errors
///
/// There is none, or it does not answer.
pub(crate) fn fetch(pins: &Path) -> Result<Names> {
    let mut names = Names::default();
    let mut take = |line: &[u8]| {
        if let Ok(named) = serde_json::from_slice(line) {
            names.add(&named);
        }
    };
    read_lines(&socket_of(pins)?, Command::Hosts, &mut take)
        .map_err(|error| error.by_pins(pins))?;
    Ok(names)
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
        let (key, client) = named.key().unwrap();
        assert_eq!(names.of(&key), (Some(client), Some("www.example.org")));
        let is_at = |host: &str| names.is_at(&key, &[host.to_owned()]);
        assert!(is_at("example.org") && is_at("WWW.example.org") && is_at("org"));
        assert!(!is_at("ample.org") && !is_at("a.www.example.org") && !is_at("example.com"));
    }

    #[test]
    fn what_is_not_known_is_at_no_host() {
        let (key, _) = named("a").key().unwrap();
        assert_eq!(Names::default().of(&key), (None, None));
        assert!(!Names::default().is_at(&key, &["a".into()]));
    }
}
