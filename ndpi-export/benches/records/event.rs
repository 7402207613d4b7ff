//! Events of finished flows of a usual size.

use ndpi_events::{Content, Ends, Event, FlowEnded, Label, Time};

/// The event of a finished flow. Names are shared, as nDPI's and the policy's are in a session.
pub(crate) fn finished(of: &FlowEnded, number: u64) -> Event {
    let mut flow = of.clone();
    flow.ends.sport = u16::try_from(number % 60_000).unwrap_or_default();
    flow.first_seen = Time::from_ns(number * 1000);
    flow.last_seen = Time::from_ns(number * 2000);
    flow.duration_us = number;
    Event::FlowEnded(flow)
}

/// A flow like which all are.
pub(crate) fn usual() -> FlowEnded {
    let ends = Ends {
        capture: None,
        iface: Some("eth0".into()),
        instance: Some("router".into()),
        vlan: 0,
        proto: 6,
        src: [198, 18, 0, 1].into(),
        sport: 0,
        dst: [198, 18, 0, 2].into(),
        dport: 443,
        tunnels: 0,
        tunnel: None,
        src_mac: None,
        dst_mac: None,
    };
    let label = Label {
        state: "CLASSIFIED".into(),
        app: "TLS.Google".into(),
        app_id: 126,
        master_id: 91,
        category: "Web".into(),
        confidence: "DPI".into(),
        hostname: Some("www.example.org".into()),
        ja4: Some("t13d1516h2_8daaf6152771_02713d6af862".into()),
        action: Some("count".into()),
        rule: Some("default".into()),
        breed: Some("Acceptable".into()),
        alpn: Some("h2,http/1.1".into()),
        content: Content { tls_version: Some("TLSv1.3".into()), ..Content::default() },
        revision: Some(1),
        ..Label::default()
    };
    FlowEnded {
        ends,
        packets: 20,
        bytes: 9000,
        inspected: 6,
        label,
        leaked: None,
        dropped: None,
        first_seen: Time::default(),
        last_seen: Time::default(),
        end: "idle".into(),
        duration_us: 0,
        packets_to_server: 8,
        bytes_to_server: 2000,
        packets_to_client: 12,
        bytes_to_client: 7000,
        part: None,
        delta: None,
    }
}
