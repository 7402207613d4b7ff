//! Rows for formats with columns: the facts of a flow, by one name each.

use std::net::IpAddr;

use Holds::{Flag, List, Moment, Number, Text};
use ndpi_events::{Content, Crossed, Ends, Event, Label, Mac, Time, Tunnel};

/// An event about a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    /// The type of the record: `flow`, `flow-active`, `verdict`.
    pub(crate) kind: &'static str,
    pub(crate) ends: &'a Ends,
    pub(crate) label: &'a Label,
    pub(crate) inspected: u16,
    pub(crate) sums: Option<Sums>,
    pub(crate) leaked: Option<u64>,
    pub(crate) dropped: Option<u64>,
    pub(crate) tunnel: Option<&'a Tunnel>,
    pub(crate) end: Option<&'a str>,
    pub(crate) part: Option<u32>,
    pub(crate) delta: Option<Crossed>,
    /// When a decision stood.
    pub(crate) time: Option<Time>,
    pub(crate) latency_us: Option<u64>,
}

/// What crossed, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) crossed: Crossed,
    pub(crate) first_seen: Time,
    pub(crate) last_seen: Time,
    pub(crate) duration_us: u64,
}

/// What crossed by a record that has it, of whichever type: they have these fields by the same names.
macro_rules! sums {
    ($it:ident) => {
        Sums {
            packets: $it.packets,
            bytes: $it.bytes,
            crossed: Crossed {
                packets_to_server: $it.packets_to_server,
                bytes_to_server: $it.bytes_to_server,
                packets_to_client: $it.packets_to_client,
                bytes_to_client: $it.bytes_to_client,
                dropped: $it.dropped.unwrap_or_default(),
            },
            first_seen: $it.first_seen,
            last_seen: $it.last_seen,
            duration_us: $it.duration_us,
        }
    };
}

/// A fact, as a column has it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Absent,
    Number(u64),
    Text(&'a str),
    Flag(bool),
    Address(IpAddr),
    Mac(Mac),
    Time(Time),
    Texts(&'a [std::sync::Arc<str>]),
    Words(&'a [ndpi_events::Word]),
    Names(&'a [Box<str>]),
    Addresses(&'a [IpAddr]),
}

impl<'a> Value<'a> {
    fn number(number: Option<impl Into<u64>>) -> Self {
        number.map_or(Self::Absent, |number| Self::Number(number.into()))
    }

    fn address(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Absent, Self::Address)
    }

    fn mac(mac: Option<Mac>) -> Self {
        mac.map_or(Self::Absent, Self::Mac)
    }

    fn text<T: AsRef<str> + ?Sized>(text: Option<&'a T>) -> Self {
        text.map_or(Self::Absent, |text| Self::Text(text.as_ref()))
    }
}

impl<'a> Row<'a> {
    /// The facts of an event; `None` where it is not about a flow.
    pub(crate) fn of(event: &'a Event) -> Option<Self> {
        Some(match event {
            Event::FlowEnded(it) => Self {
                sums: Some(sums!(it)),
                leaked: it.leaked,
                dropped: it.dropped,
                end: Some(&it.end),
                part: it.part,
                delta: it.delta,
                ..Self::new("flow", &it.ends, &it.label, it.inspected)
            },
            Event::FlowActive(it) => Self {
                sums: Some(sums!(it)),
                dropped: it.dropped,
                part: Some(it.part),
                delta: Some(it.delta),
                time: Some(it.time),
                ..Self::new("flow-active", &it.ends, &it.label, it.inspected)
            },
            Event::Decided(it) => Self {
                time: Some(it.time),
                latency_us: Some(it.latency_us),
                ..Self::new("verdict", &it.ends, &it.label, it.inspected)
            },
            _ => return None,
        })
    }

    fn new(kind: &'static str, ends: &'a Ends, label: &'a Label, inspected: u16) -> Self {
        Self {
            kind,
            ends,
            label,
            inspected,
            sums: None,
            leaked: None,
            dropped: None,
            tunnel: ends.tunnel.as_deref(),
            end: None,
            part: None,
            delta: None,
            time: None,
            latency_us: None,
        }
    }

    /// What crossed since the flow's last record.
    pub(crate) fn since(&self) -> Crossed {
        let sums = self.sums.map(|sums| sums.crossed);
        self.delta.or(sums).unwrap_or_default()
    }

    fn sum(&self, of: fn(&Sums) -> u64) -> Value<'a> {
        self.sums.as_ref().map_or(Value::Absent, |sums| Value::Number(of(sums)))
    }

    fn said(&self, of: fn(&'a Content) -> Option<&'a str>) -> Value<'a> {
        Value::text(of(&self.label.content))
    }
}

/// What the values of a column are, where they are not absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// [`Value::Number`].
    Number,
    /// [`Value::Text`], [`Value::Address`] or [`Value::Mac`].
    Text,
    /// [`Value::Flag`].
    Flag,
    /// [`Value::Time`].
    Moment,
    /// Those of which there are several: texts, words, names or addresses.
    List,
}

/// A column.
pub(crate) struct Field {
    /// Its name in every format that has it.
    pub(crate) name: &'static str,
    /// What kind of values it has.
    pub(crate) holds: Holds,
    /// What it holds.
    pub(crate) value: for<'a> fn(&Row<'a>) -> Value<'a>,
}

const fn field(
    name: &'static str,
    holds: Holds,
    value: for<'a> fn(&Row<'a>) -> Value<'a>,
) -> Field {
    Field { name, holds, value }
}

/// All columns. New ones come last.
pub(crate) static FIELDS: [Field; 70] = [
    field("capture", Text, |row| Value::text(row.ends.capture.as_deref())),
    field("vlan", Number, |row| Value::Number(row.ends.vlan.into())),
    field("proto", Number, |row| Value::Number(row.ends.proto.into())),
    field("src", Text, |row| Value::Address(row.ends.src)),
    field("sport", Number, |row| Value::Number(row.ends.sport.into())),
    field("dst", Text, |row| Value::Address(row.ends.dst)),
    field("dport", Number, |row| Value::Number(row.ends.dport.into())),
    field("packets", Number, |row| row.sum(|it| it.packets)),
    field("bytes", Number, |row| row.sum(|it| it.bytes)),
    field("inspected", Number, |row| Value::Number(row.inspected.into())),
    field("state", Text, |row| Value::Text(&row.label.state)),
    field("app", Text, |row| Value::Text(&row.label.app)),
    field("app_id", Number, |row| Value::Number(row.label.app_id.into())),
    field("master_id", Number, |row| Value::Number(row.label.master_id.into())),
    field("category", Text, |row| Value::Text(&row.label.category)),
    field("confidence", Text, |row| Value::Text(&row.label.confidence)),
    field("hostname", Text, |row| Value::text(row.label.hostname.as_deref())),
    field("ja4", Text, |row| Value::text(row.label.ja4.as_deref())),
    field("risks", List, |row| Value::Texts(&row.label.risks)),
    field("action", Text, |row| Value::text(row.label.action.as_deref())),
    field("rule", Text, |row| Value::text(row.label.rule.as_deref())),
    field("decided_by", Text, |row| Value::text(row.label.decided_by.as_deref())),
    field("leaked", Number, |row| Value::number(row.leaked)),
    field("dropped", Number, |row| Value::number(row.dropped)),
    field("tunnel", Text, |row| Value::text(row.tunnel.and_then(|it| it.kind.as_deref()))),
    field("outer_src", Text, |row| Value::address(row.tunnel.and_then(|it| it.src))),
    field("outer_dst", Text, |row| Value::address(row.tunnel.and_then(|it| it.dst))),
    field("first_seen", Moment, |row| {
        row.sums.map_or(Value::Absent, |it| Value::Time(it.first_seen))
    }),
    field("last_seen", Moment, |row| {
        row.sums.map_or(Value::Absent, |it| Value::Time(it.last_seen))
    }),
    field("end", Text, |row| Value::text(row.end)),
    field("tenant", Number, |row| Value::number(row.tunnel.and_then(|it| it.tenant))),
    field("outer_tenant", Number, |row| Value::number(row.tunnel.and_then(|it| it.outer_tenant))),
    field("findings", List, |row| Value::Words(&row.label.findings)),
    field("breed", Text, |row| Value::text(row.label.breed.as_deref())),
    field("guessed", Flag, |row| Value::Flag(row.label.guessed)),
    field("risk_score", Number, |row| Value::number(row.label.risk_score)),
    field("alpn", Text, |row| Value::text(row.label.alpn.as_deref())),
    field("duration_us", Number, |row| row.sum(|it| it.duration_us)),
    field("packets_to_server", Number, |row| row.sum(|it| it.crossed.packets_to_server)),
    field("bytes_to_server", Number, |row| row.sum(|it| it.crossed.bytes_to_server)),
    field("packets_to_client", Number, |row| row.sum(|it| it.crossed.packets_to_client)),
    field("bytes_to_client", Number, |row| row.sum(|it| it.crossed.bytes_to_client)),
    field("tcp_fingerprint", Text, |row| row.said(|it| it.tcp_fingerprint.as_deref())),
    field("tcp_os", Text, |row| row.said(|it| it.tcp_os.as_deref())),
    field("tls_version", Text, |row| row.said(|it| it.tls_version.as_deref())),
    field("tls_cipher", Text, |row| row.said(|it| it.tls_cipher.as_deref())),
    field("tls_subject", Text, |row| row.said(|it| it.tls_subject.as_deref())),
    field("tls_issuer", Text, |row| row.said(|it| it.tls_issuer.as_deref())),
    field("tls_names", List, |row| Value::Names(&row.label.content.tls_names)),
    field("http_method", Text, |row| row.said(|it| it.http_method.as_deref())),
    field("http_url", Text, |row| row.said(|it| it.http_url.as_deref())),
    field("http_user_agent", Text, |row| row.said(|it| it.http_user_agent.as_deref())),
    field("http_status", Number, |row| Value::number(row.label.content.http_status)),
    field("dns_query", Text, |row| row.said(|it| it.dns_query.as_deref())),
    field("dns_type", Number, |row| Value::number(row.label.content.dns_type)),
    field("dns_code", Number, |row| Value::number(row.label.content.dns_code)),
    field("dns_answers", List, |row| Value::Addresses(&row.label.content.dns_answers)),
    field("type", Text, |row| Value::Text(row.kind)),
    field("iface", Text, |row| Value::text(row.ends.iface.as_deref())),
    field("instance", Text, |row| Value::text(row.ends.instance.as_deref())),
    field("revision", Number, |row| Value::number(row.label.revision)),
    field("dry_run", Flag, |row| Value::Flag(row.label.dry_run)),
    field("incomplete", Flag, |row| Value::Flag(row.label.incomplete)),
    field("part", Number, |row| Value::number(row.part)),
    field("time", Moment, |row| row.time.map_or(Value::Absent, Value::Time)),
    field("latency_us", Number, |row| Value::number(row.latency_us)),
    field("adopted", Flag, |row| Value::Flag(row.label.adopted)),
    field("tunnels", Number, |row| {
        Value::number((row.ends.tunnels > 0).then_some(row.ends.tunnels))
    }),
    field("src_mac", Text, |row| Value::mac(row.ends.src_mac)),
    field("dst_mac", Text, |row| Value::mac(row.ends.dst_mac)),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns whose fields are inside of an object in records, and in the table too; and one of decisions alone.
    const OTHERS: [&str; 5] = ["outer_src", "outer_dst", "tenant", "outer_tenant", "latency_us"];

    #[test]
    fn the_table_for_clickhouse_has_a_column_for_each_field() {
        let table = include_str!("../../contrib/clickhouse/flows.sql");
        let columns: Vec<_> =
            table.lines().filter_map(|line| line.strip_prefix("    ")?.split(' ').next()).collect();
        let names = FIELDS.iter().map(|field| field.name).filter(|name| !OTHERS.contains(name));
        let missing: Vec<_> = names.filter(|name| !columns.contains(name)).collect();
        assert_eq!(missing, [""; 0]);
    }
}
