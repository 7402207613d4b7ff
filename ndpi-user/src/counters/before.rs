//! Counts of verdicts at the time when counters were reset: as they cross the control socket, and as those who
//! show verdicts use it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use anyhow::Result;
use ndpi_common::{Key, Tally, TenantIds, Total, VerdictEntry};
use ndpi_events::Time;
use ndpi_flow::key_between;
use serde::{Deserialize, Serialize};

use crate::control::{self, Command};

/// What a verdict had counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counted {
    /// With the revision, it tells one verdict of a flow from the next: each counts from zero.
    decided_ns: u64,
    revision: u32,
    /// Packets and bytes of the lower end, the upper one, and beyond a limit.
    counts: [u64; 6],
}

impl Counted {
    /// What an entry has counted; `None` where that is nothing.
    pub(super) fn of(entry: &VerdictEntry) -> Option<Self> {
        let (lower, upper, over) = (entry.lower(), entry.upper(), entry.over_limit);
        let counts =
            [lower.packets, lower.bytes, upper.packets, upper.bytes, over.packets, over.bytes];
        let (decided_ns, revision) = (entry.decided_ns, entry.revision);
        (counts != [0; 6]).then_some(Self { decided_ns, revision, counts })
    }

    /// The entry with what it has counted since; as it is where it is another one.
    fn taken_from(&self, entry: VerdictEntry) -> VerdictEntry {
        let Some(now) = Self::of(&entry) else { return entry };
        let is_same = (now.decided_ns, now.revision) == (self.decided_ns, self.revision);
        let pairs = now.counts.iter().zip(&self.counts);
        let since: Option<Vec<u64>> = pairs.map(|(now, before)| now.checked_sub(*before)).collect();
        let Some(&[lower, lower_bytes, upper, upper_bytes, over, over_bytes]) =
            since.as_deref().filter(|_| is_same)
        else {
            return entry;
        };
        let none = Tally { packets: 0, bytes: 0 };
        VerdictEntry {
            from_lower: none,
            from_upper: none,
            folded_lower: Total { packets: lower, bytes: lower_bytes },
            folded_upper: Total { packets: upper, bytes: upper_bytes },
            over_limit: Total { packets: over, bytes: over_bytes },
            ..entry
        }
    }
}

/// A line: the first one says when, each other what one flow had counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    /// Counters were reset then.
    Since(Time),
    /// A flow by its ends, VLAN, protocol, tunnels and tenant (numbers and kinds), and what it had counted.
    Flow((IpAddr, u16), (IpAddr, u16), u16, u8, u8, ([u32; 2], [u8; 2]), Counted),
}

impl Line {
    /// The line of a flow.
    pub(super) fn of(key: &Key, counted: Counted) -> Self {
        let tenant = key.tenant().unwrap_or_default();
        Self::Flow(
            key.lower(),
            key.upper(),
            key.vlan(),
            key.proto(),
            key.tunnel(),
            (tenant.numbers, tenant.kinds),
            counted,
        )
    }
}

/// What verdicts had counted when counters were reset; nothing where they never were.
#[derive(Debug, Default)]
pub(crate) struct Before {
    since: Option<Time>,
    flows: HashMap<Key, Counted>,
}

impl Before {
    /// When they were reset.
    pub(crate) fn since(&self) -> Option<Time> {
        self.since
    }

    /// An entry with what it has counted since then.
    pub(crate) fn taken_from(&self, key: &Key, entry: VerdictEntry) -> VerdictEntry {
        self.flows.get(key).map_or(entry, |before| before.taken_from(entry))
    }

    pub(super) fn add(&mut self, line: Line) {
        match line {
            Line::Since(since) => self.since = Some(since),
            Line::Flow(lower, upper, vlan, proto, tunnel, (numbers, kinds), counted) => {
                let key = key_between(lower, upper, (vlan, proto, tunnel));
                let tenant = TenantIds { numbers, kinds, ..TenantIds::NONE };
                let key = key.map(|(key, _)| Key::of_tenant(&key, tenant));
                self.flows.extend(key.map(|key| (key, counted)));
            }
        }
    }
}

/// Asks the instance with these pins.
///
/// # Errors
///
/// There is none, or it does not answer.
pub(crate) fn fetch(pins: &Path) -> Result<Before> {
    let mut before = Before::default();
    control::fetch(pins, Command::Counters, |line| before.add(line))?;
    Ok(before)
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Action, KeyV4};

    use super::*;

    fn key(tunnel: u8) -> Key {
        let (key, _) = KeyV4::new(([198, 18, 0, 1], 40_000), ([198, 18, 0, 2], 443), 7, 6);
        Key::V4(KeyV4 { tunnel, ..key })
    }

    fn entry(packets: u32, folded: u64) -> VerdictEntry {
        VerdictEntry {
            action: Action::Drop as u8,
            decided_ns: 5,
            revision: 2,
            from_lower: Tally { packets, bytes: packets * 100 },
            folded_upper: Total { packets: folded, bytes: folded * 1000 },
            ..VerdictEntry::default()
        }
    }

    /// What was counted, as it is read from the other end of the socket.
    fn before(entry: &VerdictEntry) -> Before {
        let mut before = Before::default();
        let lines =
            [Line::Since(Time::from_ns(7_000)), Line::of(&key(1), Counted::of(entry).unwrap())];
        for line in lines {
            before.add(serde_json::from_str(&serde_json::to_string(&line).unwrap()).unwrap());
        }
        before
    }

    fn sums(entry: &VerdictEntry) -> (Total, Total, Total) {
        (entry.lower(), entry.upper(), entry.dropped())
    }

    #[test]
    fn what_came_since_is_shown_of_the_same_verdict() {
        let before = before(&entry(10, 1000));
        assert_eq!(before.since(), Some(Time::from_ns(7_000)));
        let since = before.taken_from(&key(1), entry(13, 1004));
        let total = |packets, bytes| Total { packets, bytes };
        assert_eq!(sums(&since), (total(3, 300), total(4, 4000), total(7, 4300)));
        assert_eq!(sums(&before.taken_from(&key(0), entry(13, 1004))), sums(&entry(13, 1004)));
        assert_eq!(before.taken_from(&key(1), entry(10, 1000)).dropped(), total(0, 0));
    }

    #[test]
    fn another_verdict_of_the_flow_counts_from_zero() {
        let before = before(&entry(10, 1000));
        for other in [
            VerdictEntry { decided_ns: 6, ..entry(20, 2000) },
            VerdictEntry { revision: 3, ..entry(20, 2000) },
            entry(9, 2000),
        ] {
            assert_eq!(before.taken_from(&key(1), other), other);
        }
        assert_eq!(Counted::of(&entry(0, 0)), None);
    }
}
