//! One verdict as it is shown.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ndpi::{AppId, CategoryId};
use ndpi_common::{Action, Direction, EntryNote, Key, TICK_NS, VerdictEntry};
use ndpi_kernel::Clock;
use ndpi_policy::{DEFAULT_RULE, UNDECIDED_RULE};
use serde::Serialize;

use crate::enforce::NO_RULE;
use crate::record::{Names, Time, tunnel_of};
use crate::report::units;

/// The moment at which the verdicts are shown.
pub(super) struct Now {
    /// Nanoseconds since boot.
    pub(super) ktime_ns: u64,
    /// Makes days of it.
    pub(super) clock: Clock,
    /// What is dropped would be, and passes.
    pub(super) dry_run: bool,
    /// When the instance began, nanoseconds since boot: what was decided before, it has taken over.
    pub(super) began_ns: u64,
}

/// A verdict, as the JSON object has it (docs/records.md). A flow's ends are in the order of its key.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    vlan: u16,
    /// How many tunnels the flow is inside of.
    #[serde(skip_serializing_if = "is_plain")]
    tunnel: u8,
    /// Whose the flow is, by the innermost tunnel that says so and by the one around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outer_tenant: Option<u32>,
    proto: u8,
    lower: IpAddr,
    lower_port: u16,
    upper: IpAddr,
    upper_port: u16,
    /// Which of them is the client; left out where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    action: Cow<'static, str>,
    /// The rule's place in the policy, from 0; left out where none matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<u16>,
    /// Which of the instance's policies made it, from 1.
    #[serde(skip_serializing_if = "is_none")]
    revision: u32,
    /// What the rule was called in that policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<Cow<'a, str>>,
    app_id: u16,
    master_id: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    category_id: u16,
    packets_lower: u64,
    bytes_lower: u64,
    packets_upper: u64,
    bytes_upper: u64,
    dropped: u64,
    dropped_bytes: u64,
    /// What is dropped would be, and passes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    /// An earlier instance decided it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    adopted: bool,
    decided: Time,
    last_seen: Time,
    /// Counts are since then; left out where they are since the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted_since: Option<Time>,
    #[serde(skip)]
    decided_ns: u64,
    #[serde(skip)]
    seen_ns: u64,
}

impl<'a> Entry<'a> {
    pub(super) fn new(
        key: &Key,
        verdict: &VerdictEntry,
        names: Option<&'a Names>,
        now: &Now,
    ) -> Self {
        let ((lower, lower_port), (upper, upper_port)) = (key.lower(), key.upper());
        let action = match Action::from_byte(verdict.action) {
            Some(action) => action.name().into(),
            None => format!("unknown ({})", verdict.action).into(),
        };
        let (from_lower, from_upper, dropped) =
            (verdict.lower(), verdict.upper(), verdict.dropped());
        let (tenant, outer_tenant) = tenants(key);
        let app = AppId { master: verdict.master, app: verdict.app };
        // The coarse clock of the last packet may stand behind the exact one of the decision.
        let seen_ns = (u64::from(verdict.last_seen) * TICK_NS).max(verdict.decided_ns);
        Self {
            kind: "entry",
            vlan: key.vlan(),
            tunnel: key.tunnel(),
            tenant,
            outer_tenant,
            proto: key.proto(),
            lower,
            lower_port,
            upper,
            upper_port,
            client: EntryNote::of_word(verdict.note).client.map(end_name),
            hostname: None,
            action,
            rule: (verdict.rule != NO_RULE).then_some(verdict.rule),
            revision: verdict.revision,
            rule_name: None,
            app: names.map(|names| names.app(app)),
            app_id: verdict.app,
            master_id: verdict.master,
            category: names.map(|names| names.category(CategoryId(verdict.category))),
            category_id: verdict.category,
            packets_lower: from_lower.packets,
            bytes_lower: from_lower.bytes,
            packets_upper: from_upper.packets,
            bytes_upper: from_upper.bytes,
            dropped: dropped.packets,
            dropped_bytes: dropped.bytes,
            dry_run: now.dry_run,
            adopted: verdict.decided_ns < now.began_ns,
            decided: Time::from_ns(now.clock.epoch_ns(verdict.decided_ns)),
            last_seen: Time::from_ns(now.clock.epoch_ns(seen_ns)),
            counted_since: None,
            decided_ns: verdict.decided_ns,
            seen_ns,
        }
    }

    /// The same by a rule of this name.
    pub(super) fn by_rule(self, rule_name: Option<String>) -> Self {
        Self { rule_name, ..self }
    }

    /// The same with this host name, and this client where the entry does not say which it is.
    pub(super) fn named(self, (client, hostname): (Option<Direction>, Option<&'a str>)) -> Self {
        Self { client: self.client.or(client.map(end_name)), hostname, ..self }
    }

    /// The same with counts that begin there, where counters were reset after the verdict.
    pub(super) fn counted_since(self, since: Option<Time>) -> Self {
        Self { counted_since: since.filter(|since| *since > self.decided), ..self }
    }

    /// What decided: the rule, by its number where no name is known, or a setting.
    fn decided_by(&self) -> String {
        match (&self.rule_name, self.rule) {
            (Some(name), _) => name.clone(),
            (None, Some(rule)) => rule.to_string(),
            (None, None) => self.setting().into(),
        }
    }

    /// The setting that decided in place of a rule.
    fn setting(&self) -> &'static str {
        if self.app_id == 0 { UNDECIDED_RULE } else { DEFAULT_RULE }
    }

    /// The cells of the table's row.
    pub(super) fn cells(&self, now: &Now) -> [String; 12] {
        let since =
            |ns: u64| units::duration(Duration::from_nanos(now.ktime_ns.saturating_sub(ns)));
        // What a bypass lets through is not counted flow by flow.
        let counted = self.action != Action::Bypass.name();
        let count = |number: String| if counted { number } else { "-".into() };
        [
            protocol(self.proto),
            self.endpoints(),
            self.action.to_string(),
            self.decided_by(),
            self.app.as_deref().map_or_else(|| self.app_numbers(), str::to_owned),
            self.hostname.unwrap_or("-").to_owned(),
            self.category.map_or_else(|| self.category_id.to_string(), str::to_owned),
            count(units::grouped(self.packets_lower + self.packets_upper)),
            count(units::bytes(self.bytes_lower + self.bytes_upper)),
            count(units::grouped(self.dropped)),
            since(self.decided_ns),
            since(self.seen_ns),
        ]
    }

    fn endpoints(&self) -> String {
        let end = |address: IpAddr, port| SocketAddr::new(address, port);
        let (lower, upper) = (end(self.lower, self.lower_port), end(self.upper, self.upper_port));
        let ends = match self.client {
            Some("lower") => format!("{lower} → {upper}"),
            Some(_) => format!("{upper} → {lower}"),
            None => format!("{lower} ↔ {upper}"),
        };
        let network = network(self.vlan, self.tunnel, (self.tenant, self.outer_tenant));
        if network.is_empty() { ends } else { format!("{ends} ({network})") }
    }

    fn app_numbers(&self) -> String {
        match (self.master_id, self.app_id) {
            (0, app) => app.to_string(),
            (master, app) => format!("{master}.{app}"),
        }
    }
}

/// Whose a flow is: by its innermost tunnel, and by the one around that.
pub(super) fn tenants(key: &Key) -> (Option<u32>, Option<u32>) {
    tunnel_of(key).map_or((None, None), |tunnel| (tunnel.tenant, tunnel.outer_tenant))
}

/// In which of several networks a flow's addresses are; nothing where there is one.
pub(super) fn network(
    vlan: u16,
    tunnel: u8,
    (tenant, outer): (Option<u32>, Option<u32>),
) -> String {
    let vlan = (vlan != 0).then(|| format!("VLAN {vlan}"));
    let inside = (tunnel != 0).then(|| "in a tunnel".to_owned());
    let tenant = tenant.map(|number| format!("tenant {number}"));
    let outer = outer.map(|number| format!("in tenant {number}"));
    let parts = [vlan, inside, tenant, outer];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The word for the end whose packets go this way.
fn end_name(client: Direction) -> &'static str {
    match client {
        Direction::FromLower => "lower",
        Direction::FromUpper => "upper",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(super) fn is_plain(tunnel: &u8) -> bool {
    *tunnel == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_none(revision: &u32) -> bool {
    *revision == 0
}

/// The protocol's name where it has one that everybody knows, else its number.
pub(super) fn protocol(number: u8) -> String {
    match number {
        1 => "ICMP".into(),
        6 => "TCP".into(),
        17 => "UDP".into(),
        58 => "ICMPv6".into(),
        132 => "SCTP".into(),
        136 => "UDP-Lite".into(),
        other => format!("IP {other}"),
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{KeyV4, KeyV6, Tally, TenantIds, TenantKind, Total};

    use super::*;

    fn now() -> Now {
        Now { ktime_ns: 100_000_000_000, clock: Clock::new(), dry_run: false, began_ns: 0 }
    }

    fn key() -> Key {
        Key::V4(KeyV4::new(([198, 18, 0, 1], 40_000), ([198, 18, 0, 2], 443), 0, 6).0)
    }

    fn verdict() -> VerdictEntry {
        VerdictEntry {
            action: Action::Drop as u8,
            rule: 1,
            app: 1,
            master: 2,
            category: 1,
            decided_ns: 90_000_000_000,
            last_seen: 980,
            from_lower: Tally { packets: 3, bytes: 180 },
            folded_upper: Total { packets: 1000, bytes: 1_500_000 },
            ..VerdictEntry::default()
        }
    }

    fn names() -> Names {
        let list = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        Names {
            apps: list(&["Unknown", "Facebook", "TLS"]),
            categories: list(&["Unspecified", "SocialNetwork"]),
            ..Names::default()
        }
    }

    #[test]
    fn a_row_says_who_what_and_how_much() {
        let names = names();
        let cells = Entry::new(&key(), &verdict(), Some(&names), &now()).cells(&now());
        let expected = [
            "TCP",
            "198.18.0.1:40000 ↔ 198.18.0.2:443",
            "drop",
            "1",
            "TLS.Facebook",
            "-",
            "SocialNetwork",
            "1,003",
            "1.4 MiB",
            "1,003",
            "10.0 s",
            "2.0 s",
        ];
        assert_eq!(cells, expected);
    }

    #[test]
    fn the_rule_goes_by_its_name_where_one_is_known() {
        let verdict = VerdictEntry { revision: 3, ..verdict() };
        let entry = Entry::new(&key(), &verdict, None, &now()).by_rule(Some("no video".into()));
        assert_eq!(entry.cells(&now())[3], "no video");
        let object = serde_json::to_value(entry).unwrap();
        assert_eq!((&object["revision"], &object["rule"]), (&3.into(), &1.into()));
        assert_eq!(object["rule_name"], "no video");
    }

    #[test]
    fn what_was_decided_before_the_instance_began_is_adopted() {
        let adopted = |began_ns| {
            let now = Now { began_ns, ..now() };
            let object = serde_json::to_value(Entry::new(&key(), &verdict(), None, &now)).unwrap();
            object.get("adopted").cloned()
        };
        assert_eq!((adopted(90_000_000_001), adopted(90_000_000_000)), (Some(true.into()), None));
    }

    #[test]
    fn the_entry_says_who_the_client_is_and_others_where_it_does_not() {
        let client = |client, named| {
            let note = EntryNote { client, ..EntryNote::default() }.word();
            let verdict = VerdictEntry { note, ..verdict() };
            Entry::new(&key(), &verdict, None, &now()).named((named, None)).client
        };
        let (lower, upper) = (Some(Direction::FromLower), Some(Direction::FromUpper));
        assert_eq!(client(upper, None), Some("upper"));
        assert_eq!(client(upper, lower), Some("upper"));
        assert_eq!((client(None, lower), client(None, None)), (Some("lower"), None));
    }

    #[test]
    fn without_names_there_are_numbers_and_without_counts_none() {
        let verdict = VerdictEntry { action: Action::Bypass as u8, rule: NO_RULE, ..verdict() };
        let cells = Entry::new(&key(), &verdict, None, &now()).cells(&now());
        assert_eq!(cells[2..10], ["bypass", "default", "2.1", "-", "1", "-", "-", "-"]);
        let unknown = VerdictEntry { app: 0, ..verdict };
        assert_eq!(Entry::new(&key(), &unknown, None, &now()).cells(&now())[3], "undecided");
    }

    #[test]
    fn ipv6_ends_have_brackets_and_a_vlan_is_said() {
        let mut address = [0; 16];
        address[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        let mut other = address;
        other[15] = 1;
        let key = Key::V6(KeyV6::new((address, 5), (other, 53), 7, 17).0);
        let cells = Entry::new(&key, &verdict(), None, &now()).cells(&now());
        assert_eq!(cells[..2], ["UDP", "[2001:db8::]:5 ↔ [2001:db8::1]:53 (VLAN 7)"]);
    }

    #[test]
    fn a_flow_inside_a_tunnel_says_so() {
        let (key, _) = KeyV4::new(([198, 18, 0, 1], 5), ([198, 18, 0, 2], 53), 0, 17);
        let entry = |key| Entry::new(&Key::V4(key), &verdict(), None, &now());
        let inside = entry(KeyV4 { tunnel: 1, ..key });
        assert_eq!(inside.cells(&now())[1], "198.18.0.1:5 ↔ 198.18.0.2:53 (in a tunnel)");
        assert_eq!(serde_json::to_value(inside).unwrap()["tunnel"], 1);
        assert!(serde_json::to_value(entry(key)).unwrap().get("tunnel").is_none());
    }

    #[test]
    fn a_tenants_flow_says_whose_it_is() {
        let (key, _) = KeyV4::new(([198, 18, 0, 1], 5), ([198, 18, 0, 2], 53), 0, 17);
        let vni = TenantIds::NONE.with(0, (TenantKind::Vxlan, 7));
        let shown = |tunnel, tenant| {
            let key = Key::of_tenant(&Key::V4(KeyV4 { tunnel, ..key }), tenant);
            let entry = Entry::new(&key, &verdict(), None, &now());
            (entry.cells(&now())[1].clone(), serde_json::to_value(entry).unwrap())
        };
        let (cell, object) = shown(1, vni);
        assert_eq!(cell, "198.18.0.1:5 ↔ 198.18.0.2:53 (in a tunnel, tenant 7)");
        assert_eq!((&object["tenant"], object.get("outer_tenant")), (&7.into(), None));
        let (cell, object) = shown(2, vni.with(1, (TenantKind::Geneve, 8)));
        assert_eq!(cell, "198.18.0.1:5 ↔ 198.18.0.2:53 (in a tunnel, tenant 8, in tenant 7)");
        assert_eq!((&object["tenant"], &object["outer_tenant"]), (&8.into(), &7.into()));
    }

    #[test]
    fn an_object_has_both_directions_and_leaves_out_what_is_not_known() {
        let object = serde_json::to_value(Entry::new(&key(), &verdict(), None, &now())).unwrap();
        assert_eq!(object["type"], "entry");
        assert_eq!(object["packets_lower"], 3);
        assert_eq!(object["bytes_upper"], 1_500_000);
        assert_eq!(object["dropped"], 1003);
        assert_eq!(object["rule"], 1);
        assert!(object.get("app").is_none() && object.get("seen_ns").is_none());
        let default = VerdictEntry { rule: NO_RULE, ..verdict() };
        let object = serde_json::to_value(Entry::new(&key(), &default, None, &now())).unwrap();
        assert!(object.get("rule").is_none());
    }
}
