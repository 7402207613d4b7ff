//! Events as readers of Suricata's EVE take them: `flow`, `netflow` for those that go on, `alert` for blocked ones.
//!
//! The names of EVE's own fields are Suricata's ("EVE JSON Format" in its user guide); what it has no field for is in
//! the object `ndpi`, by the names of docs/records.md.

use std::net::IpAddr;

use ndpi_events::{Event, Mac, Time};
use serde::Serialize;

use super::row::{Row, Sums};

#[derive(Serialize)]
struct Eve<'a> {
    timestamp: String,
    flow_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_iface: Option<&'a str>,
    event_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vlan: Vec<u16>,
    src_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_port: Option<u16>,
    dest_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_port: Option<u16>,
    proto: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ether: Option<Ether>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_proto: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Alert<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<Flow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Http<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<Dns<'a>>,
    ndpi: Ndpi<'a>,
}

/// Of a flow Suricata has all addresses that it saw, of an alert those of the packet.
#[derive(Serialize)]
#[serde(untagged)]
enum Ether {
    Flow { dest_macs: [Mac; 1], src_macs: [Mac; 1] },
    Alert { dest_mac: Mac, src_mac: Mac },
}

#[derive(Serialize)]
struct Alert<'a> {
    action: &'static str,
    gid: u32,
    signature_id: u32,
    rev: u32,
    signature: String,
    category: &'a str,
    severity: u8,
}

#[derive(Serialize)]
struct Flow {
    pkts_toserver: u64,
    pkts_toclient: u64,
    bytes_toserver: u64,
    bytes_toclient: u64,
    start: String,
    end: String,
    age: u64,
    state: &'static str,
    reason: &'static str,
    alerted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
}

#[derive(Serialize)]
struct Tls<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sni: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuerdn: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    subjectaltname: &'a [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    ja4: Option<&'a str>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "Suricata's names")]
struct Http<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

#[derive(Serialize)]
struct Dns<'a> {
    rrname: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    answers: &'a [IpAddr],
}

#[derive(Serialize)]
struct Ndpi<'a> {
    app: &'a str,
    app_id: u16,
    master_id: u16,
    category: &'a str,
    confidence: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    breed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    risks: &'a [std::sync::Arc<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_score: Option<u16>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [ndpi_events::Word],
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    adopted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaked: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<u32>,
}

/// Appends a line for an event about a flow; nothing for others, nor for decisions to let a flow pass.
pub(super) fn write(event: &Event, out: &mut Vec<u8>) {
    let Some(row) = Row::of(event) else { return };
    let event_type = match row.kind {
        "verdict" if row.label.is_blocked() => "alert",
        "verdict" => return,
        "flow-active" => "netflow",
        _ => "flow",
    };
    let before = out.len();
    // It is made of texts and numbers, which can all be written.
    if let Err(error) = serde_json::to_writer(&mut *out, &eve(&row, event_type)) {
        log::error!("could not write a record as EVE: {error}");
        return out.truncate(before);
    }
    out.push(b'\n');
}

fn eve<'a>(row: &Row<'a>, event_type: &'static str) -> Eve<'a> {
    let (ends, has_ports) = (row.ends, matches!(row.ends.proto, 6 | 17 | 132 | 136));
    let last_seen = row.sums.map(|sums| sums.last_seen);
    Eve {
        timestamp: timestamp(row.time.or(last_seen).unwrap_or_default()),
        flow_id: flow_id(row),
        in_iface: ends.iface.as_deref(),
        event_type,
        vlan: (ends.vlan > 0).then_some(ends.vlan).into_iter().collect(),
        src_ip: ends.src,
        src_port: has_ports.then_some(ends.sport),
        dest_ip: ends.dst,
        dest_port: has_ports.then_some(ends.dport),
        proto: proto(ends.proto),
        ether: ether(row, event_type),
        app_proto: app_proto(row),
        host: ends.instance.as_deref(),
        alert: (event_type == "alert").then(|| alert(row)),
        flow: row.sums.as_ref().map(|sums| flow(row, sums)),
        tls: tls(row),
        http: http(row),
        dns: dns(row),
        ndpi: ndpi(row),
    }
}

/// As Suricata writes it: ISO 8601 with microseconds and a zone without colon.
fn timestamp(time: Time) -> String {
    let mut text = time.to_string();
    text.truncate(text.trim_end_matches('Z').len());
    text + "+0000"
}

/// The same number for the same flow, as far as its records go.
fn flow_id(row: &Row<'_>) -> u64 {
    use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
    let ends = row.ends;
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let of_packets = (ends.vlan, ends.proto, ends.src, ends.sport, ends.dst, ends.dport);
    // What is inside of a tunnel is no flow of the wire, whatever its addresses, nor another tenant's.
    let tenants = ends.tunnel.as_ref().map(|tunnel| (tunnel.tenant, tunnel.outer_tenant));
    let key = (of_packets, ends.tunnels, tenants.unwrap_or_default());
    // Readers in JavaScript have 53 bits.
    hasher.hash_one(key) >> 11
}

fn proto(number: u8) -> String {
    match number {
        1 => "ICMP".into(),
        6 => "TCP".into(),
        17 => "UDP".into(),
        58 => "IPv6-ICMP".into(),
        132 => "SCTP".into(),
        other => format!("{other:03}"),
    }
}

fn ether(row: &Row<'_>, event_type: &str) -> Option<Ether> {
    let (src_mac, dest_mac) = (row.ends.src_mac?, row.ends.dst_mac?);
    Some(match event_type {
        "alert" => Ether::Alert { dest_mac, src_mac },
        _ => Ether::Flow { dest_macs: [dest_mac], src_macs: [src_mac] },
    })
}

/// What carries the application, by Suricata's word.
fn app_proto(row: &Row<'_>) -> Option<String> {
    let carrier = row.label.apps().0.to_ascii_lowercase();
    (carrier != "unknown").then_some(carrier)
}

fn alert<'a>(row: &Row<'a>) -> Alert<'a> {
    let rule = row.label.rule.as_deref().unwrap_or("(no rule)");
    Alert {
        action: if row.label.dry_run { "allowed" } else { "blocked" },
        gid: 1,
        signature_id: u32::from(row.label.app_id),
        rev: row.label.revision.unwrap_or_default(),
        signature: format!("ndpi-xdp: {rule} ({})", row.label.app),
        category: &row.label.category,
        severity: 3,
    }
}

fn flow(row: &Row<'_>, sums: &Sums) -> Flow {
    let (state, reason) = match row.end {
        Some("closed" | "reused") => ("closed", "timeout"),
        Some("evicted") => ("established", "forced"),
        Some("source-ended") => ("established", "shutdown"),
        Some(_) => ("established", "timeout"),
        None => ("established", "unknown"),
    };
    Flow {
        pkts_toserver: sums.crossed.packets_to_server,
        pkts_toclient: sums.crossed.packets_to_client,
        bytes_toserver: sums.crossed.bytes_to_server,
        bytes_toclient: sums.crossed.bytes_to_client,
        start: timestamp(sums.first_seen),
        end: timestamp(sums.last_seen),
        age: sums.duration_us / 1_000_000,
        state,
        reason,
        alerted: row.label.is_blocked(),
        action: (row.label.is_blocked() && !row.label.dry_run).then_some("drop"),
    }
}

fn tls<'a>(row: &Row<'a>) -> Option<Tls<'a>> {
    let content = &row.label.content;
    let is_tls =
        content.tls_version.is_some() || row.label.ja4.as_deref().is_some_and(|it| !it.is_empty());
    is_tls.then(|| Tls {
        sni: row.label.hostname.as_deref(),
        version: content.tls_version.as_deref().map(|it| it.replace("TLSv", "TLS ")),
        subject: content.tls_subject.as_deref(),
        issuerdn: content.tls_issuer.as_deref(),
        subjectaltname: &content.tls_names,
        ja4: row.label.ja4.as_deref(),
    })
}

fn http<'a>(row: &Row<'a>) -> Option<Http<'a>> {
    let content = &row.label.content;
    content.http_method.as_ref()?;
    let hostname = row.label.hostname.as_deref();
    // Suricata has the path alone.
    let url = content.http_url.as_deref();
    let path = url.map(|url| hostname.and_then(|host| url.strip_prefix(host)).unwrap_or(url));
    Some(Http {
        hostname,
        url: path,
        http_user_agent: content.http_user_agent.as_deref(),
        http_method: content.http_method.as_deref(),
        status: content.http_status,
    })
}

fn dns<'a>(row: &Row<'a>) -> Option<Dns<'a>> {
    let content = &row.label.content;
    Some(Dns { rrname: content.dns_query.as_deref()?, answers: &content.dns_answers })
}

fn ndpi<'a>(row: &Row<'a>) -> Ndpi<'a> {
    let label = row.label;
    Ndpi {
        app: &label.app,
        app_id: label.app_id,
        master_id: label.master_id,
        category: &label.category,
        confidence: &label.confidence,
        breed: label.breed.as_deref(),
        hostname: label.hostname.as_deref(),
        risks: &label.risks,
        risk_score: label.risk_score,
        findings: &label.findings,
        action: label.action.as_deref(),
        rule: label.rule.as_deref(),
        revision: label.revision,
        dry_run: label.dry_run,
        adopted: label.adopted,
        leaked: row.leaked,
        dropped: row.dropped,
        part: row.part,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::write;
    use crate::testing::{active_flow, blocked_flow, decision};

    fn line(event: &ndpi_events::Event) -> Value {
        let mut out = Vec::new();
        write(event, &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_flow_has_the_names_of_suricata() {
        let eve = line(&blocked_flow());
        assert_eq!(eve["timestamp"], "2023-11-14T22:13:25.000000+0000");
        assert_eq!((&eve["event_type"], &eve["proto"]), (&"flow".into(), &"TCP".into()));
        assert_eq!(
            (&eve["app_proto"], &eve["tls"]["sni"]),
            (&"tls".into(), &"www.example.org".into())
        );
        assert_eq!(
            (&eve["flow"]["pkts_toserver"], &eve["flow"]["bytes_toclient"]),
            (&8.into(), &1200.into())
        );
        assert_eq!(
            (&eve["flow"]["state"], &eve["flow"]["action"]),
            (&"closed".into(), &"drop".into())
        );
        assert_eq!(
            (&eve["ndpi"]["app"], &eve["ndpi"]["rule"]),
            (&"TLS.Facebook".into(), &"no social".into())
        );
    }

    #[test]
    fn times_are_as_suricata_has_them() {
        for ns in [0, 1_700_000_000_123_456_789, 951_782_399_999_999_000, u64::MAX] {
            let time = ndpi_events::Time::from_ns(ns);
            let expected = time.timestamp().strftime("%Y-%m-%dT%H:%M:%S%.6f+0000").to_string();
            assert_eq!(super::timestamp(time), expected);
        }
    }

    #[test]
    fn blocked_decisions_are_alerts_and_others_nothing() {
        let eve = line(&decision("drop"));
        assert_eq!(
            (&eve["event_type"], &eve["alert"]["action"]),
            (&"alert".into(), &"blocked".into())
        );
        assert_eq!(eve["flow_id"], line(&blocked_flow())["flow_id"]);
        let mut out = Vec::new();
        write(&decision("count"), &mut out);
        assert!(out.is_empty());
        assert_eq!(line(&active_flow())["event_type"], "netflow");
    }
}
