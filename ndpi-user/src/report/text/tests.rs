//! The report, held against what it should look like.

use std::sync::Arc;
use std::time::Duration;

use ndpi::{AppId, CategoryId, Classification, Risks, State};
use ndpi_common::{Action, Direction, KeyV4};
use ndpi_events::Event;
use ndpi_export::{csv_header, write_csv};
use ndpi_flow::{
    Decided, DecidedBy, Details, End, FlowEntry, FlowKey, Sample, Stage, Verdict, Volume,
};
use ndpi_labels::Finding;

use crate::record::{Counters, Names, Origin, RecordMaker};
use crate::report::{CaptureReport, Report, Summary};

const TLS: u16 = 1;
const SITE: u16 = 2;

fn names() -> Names {
    let list = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
    Names {
        apps: list(&["Unknown", "TLS", "Site"]),
        categories: list(&["Unspecified", "Web"]),
        risks: list(&["Old cipher", "Odd port"]),
        ..Names::default()
    }
}

fn flow(port: u16, app: u16, packets: u64, verdict: Option<Verdict>) -> FlowEntry<()> {
    let key = FlowKey::V4(KeyV4 {
        lower: [198, 18, 0, 1],
        upper: [198, 18, 0, 2],
        lower_port: port,
        upper_port: 443,
        vlan: 0,
        proto: 6,
        tunnel: 0,
    });
    let sample =
        Sample { bytes: 0, tcp_flags: 2, ..Sample::new(key, Direction::FromLower, 0, &[]) };
    let mut flow = FlowEntry::new(&sample, ());
    flow.traffic.lower = Volume { packets, bytes: packets * 1000 };
    flow.inspected = 6;
    let classification = Classification {
        state: State::Classified,
        app: AppId { master: TLS, app },
        category: CategoryId(1),
        risks: Risks(u64::from(app == SITE) * 2),
        ..Classification::default()
    };
    let details = Details::new("a,\"b\"", "", "");
    let decided =
        Decided { classification, details, verdict, given_up: false, by: DecidedBy::Content };
    flow.stage = Stage::Decided(decided);
    flow
}

fn counters(flow: &FlowEntry<()>, dropped: u64) -> Counters {
    Counters::new(flow.traffic, flow.client, dropped)
}

#[test]
fn the_report_shows_shares_risks_verdicts_and_slow_flows() {
    let drop = Some(Verdict { action: Action::Drop, rule: Some(0) });
    let count = Some(Verdict { action: Action::Count, rule: None });
    let mut summary = Summary::default();
    let capture: Arc<str> = "a.pcap".into();
    for (port, app, packets, verdict, dropped) in
        [(1, SITE, 30, drop, 24), (2, SITE, 30, drop, 24), (3, TLS, 20, count, 0)]
    {
        let flow = flow(port, app, packets, verdict);
        summary.flow(&flow, End::SourceEnded, counters(&flow, dropped));
        summary.slowest.note(&flow, Duration::from_millis(u64::from(port)), &capture);
    }
    let mut captured = CaptureReport { name: "a.pcap".into(), ..CaptureReport::default() };
    (0..81).for_each(|second| captured.packet(second * 1_000_000_000));
    captured.skips.count(ndpi_capture::link::Skip::LaterFragment);
    let report = Report {
        captures: &[captured],
        summary: &summary,
        names: &names(),
        rule_name: &|verdict| {
            verdict.rule.map_or("(default)".into(), |rule| format!("rule {rule}"))
        },
        rows: 10,
    };
    let lines: Vec<String> = report.to_string().lines().map(ToOwned::to_owned).collect();
    let has = |line: &str| assert!(lines.iter().any(|l| l == line), "{line:?} in {lines:#?}");
    has("a.pcap: 81 packets, 3 flows with 78.1 KiB in 1 min 20 s");
    has("  TLS.Site         2       60  58.6 KiB  75.0 %  ████████████████████████");
    has("  TLS              1       20  19.5 KiB  25.0 %  ████████");
    has("  Odd port      2  66.7 %  ████████████████");
    has("  drop    rule 0         2       60  58.6 KiB       48      12");
    has("  count   (default)      1       20  19.5 KiB");
    has("  later_fragment        1");
    let slow: Vec<_> = lines.iter().filter(|line| line.contains(" → ")).collect();
    assert!(slow[0].contains("3.0 ms  TLS          TCP 198.18.0.1:3 → 198.18.0.2:443"), "{slow:?}");
}

#[test]
fn what_does_not_fit_is_one_row_and_sums_add_up() {
    let sum = |apps: [u16; 2]| {
        let mut summary = Summary::default();
        for flow in apps.map(|app| flow(1, app, 10, None)) {
            summary.flow(&flow, End::Evicted, counters(&flow, 0));
        }
        summary
    };
    let mut one = sum([0, TLS]);
    one.add(sum([SITE, SITE]));
    assert_eq!((one.total.flows, one.total.packets, one.evicted), (4, 40, 4));
    let report = Report {
        captures: &[],
        summary: &one,
        names: &names(),
        rule_name: &|_| String::new(),
        rows: 2,
    };
    let text = report.to_string();
    assert!(text.contains("(2 more)"), "{text}");
    assert!(text.contains("4 flows were ended early to make room"), "{text}");
}

#[test]
fn csv_has_a_column_for_each_name_and_quotes_what_must_be() {
    let names = names();
    let mut flow = flow(1, SITE, 10, None);
    flow.findings = [Finding::FakeSegment, Finding::Oversize].into_iter().collect();
    let capture: Arc<str> = "a.pcap".into();
    let maker =
        RecordMaker { names: &names, origin: Origin::Capture(&capture), rule: None, session: None };
    let record = maker.ended(&flow, End::Idle, counters(&flow, 0)).unwrap();
    let mut out = csv_header().into_bytes();
    write_csv(&Event::FlowEnded(record), &mut out);
    let text = String::from_utf8(out).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next().unwrap().split(',').count(), 70);
    assert_eq!(
        lines.next().unwrap(),
        "a.pcap,0,6,198.18.0.1,1,198.18.0.2,443,10,10000,6,CLASSIFIED,TLS.Site,2,1,Web,Unknown,\
         \"a,\"\"b\"\"\",,Odd port,,,,,,,,,1970-01-01T00:00:00.000000Z,1970-01-01T00:00:00.000000Z,idle,,,fake-segment;oversize,\
         Unknown,false,0,,0,10,10000,0,0,,,,,,,,,,,,,,,,flow,,,,false,false,,,,false,,,"
    );
}
