//! Events for the tests of formats.

use ndpi_events::{
    Content, Crossed, Decided, Ends, Event, FlowActive, FlowEnded, FlowUpdated, Label, Mac, Time,
    Warning,
};

const START: u64 = 1_700_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

fn ends() -> Ends {
    Ends {
        capture: None,
        iface: Some("eth0".into()),
        instance: Some("router".into()),
        vlan: 5,
        proto: 6,
        src: [198, 18, 0, 1].into(),
        sport: 40_000,
        dst: [198, 18, 0, 2].into(),
        dport: 443,
        tunnels: 0,
        tunnel: None,
        src_mac: Some(Mac([2, 0, 0, 0, 0, 1])),
        dst_mac: Some(Mac([2, 0, 0, 0, 0, 0xfe])),
    }
}

fn label(action: &'static str) -> Label {
    Label {
        state: "CLASSIFIED".into(),
        app: "TLS.Facebook".into(),
        app_id: 119,
        master_id: 91,
        category: "SocialNetwork".into(),
        confidence: "DPI".into(),
        hostname: Some("www.example.org".into()),
        ja4: Some("t13d0302h2_55b375c5d22e_02b2f1053a32".into()),
        action: Some(action.into()),
        rule: Some("no social".into()),
        breed: Some("Fun".into()),
        alpn: Some("h2,http/1.1".into()),
        content: Content { tls_version: Some("TLSv1.3".into()), ..Content::default() },
        revision: Some(1),
        ..Label::default()
    }
}

/// A blocked flow that is over.
pub(crate) fn blocked_flow() -> Event {
    Event::FlowEnded(FlowEnded {
        ends: ends(),
        packets: 11,
        bytes: 2100,
        inspected: 5,
        label: label("drop"),
        leaked: Some(5),
        dropped: Some(6),
        first_seen: Time::from_ns(START),
        last_seen: Time::from_ns(START + 5 * SECOND),
        end: "closed".into(),
        duration_us: 5_000_000,
        packets_to_server: 8,
        bytes_to_server: 900,
        packets_to_client: 3,
        bytes_to_client: 1200,
        part: None,
        delta: None,
    })
}

/// A flow that goes on, in its second record.
pub(crate) fn active_flow() -> Event {
    let delta = Crossed { packets_to_server: 1, bytes_to_server: 100, ..Crossed::default() };
    Event::FlowActive(FlowActive {
        time: Time::from_ns(START + 9 * SECOND),
        ends: ends(),
        packets: 11,
        bytes: 2100,
        packets_to_server: 8,
        bytes_to_server: 900,
        packets_to_client: 3,
        bytes_to_client: 1200,
        inspected: 5,
        label: label("count"),
        dropped: None,
        first_seen: Time::from_ns(START),
        last_seen: Time::from_ns(START + 5 * SECOND),
        duration_us: 5_000_000,
        part: 2,
        delta,
    })
}

/// A decision.
pub(crate) fn decision(action: &'static str) -> Event {
    let (time, label) = (Time::from_ns(START + SECOND), label(action));
    Event::Decided(Decided {
        time,
        ends: ends(),
        inspected: 5,
        partial_at: None,
        label,
        latency_us: 9,
    })
}

/// What another policy says.
pub(crate) fn updated(action: &'static str) -> Event {
    Event::FlowUpdated(FlowUpdated {
        time: Time::from_ns(START + SECOND),
        ends: ends(),
        inspected: 5,
        label: label(action),
        why: "rejudged".into(),
        previous_action: None,
    })
}

/// What is not about a flow.
pub(crate) fn warning(text: &str) -> Event {
    Event::Warning(Warning::new(Time::default(), "test".into(), 1, text))
}
