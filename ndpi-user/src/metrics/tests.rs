//! The server with clients that play by the rules, and others; and what it says.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndpi_events::{Attached, RingFull};
use testkit::{needs, wait_until};

use super::connection::PATIENCE;
use super::{Listener, Server, exposition};
use crate::control::{Answer, Reply};
use crate::record::Time;
use crate::snapshot::{
    Buckets, Counted, Fill, Hints, LastReload, LostSoFar, MemoryState, OF_PACKETS, PolicyState,
    Problem, RingLoss, SinkState, Snapshot, Sweeps, Traffic, Watched, WorkerState,
};

/// A snapshot in which nothing is missing, with names as bad as they get.
fn snapshot() -> Snapshot {
    let attached = Attached {
        iface: "a\"b\\c\nd".into(),
        ifindex: 2,
        ingress: Some("xdp-native".into()),
        egress: "tcx".into(),
        peer: None,
    };
    let traffic = |name: &str| Traffic {
        name: name.into(),
        action: "drop".into(),
        flows: 1,
        packets: 1 << 50,
        bytes: 300,
        dropped: 2,
    };
    let times = Buckets {
        up_to: OF_PACKETS.map(|bound| (bound, bound.min(7))).into(),
        count: 7,
        sum_ns: 9_000,
    };
    let time = Time::from_ns(1_700_000_000_000_000_000);
    let last_reload = Some(LastReload { time, taken: true, problem: None });
    let counted = |reason: &'static str| Counted {
        hook: "ingress".into(),
        outcome: "passed".into(),
        reason: reason.into(),
        packets: 3,
        bytes: 300,
    };
    Snapshot {
        memory: MemoryState {
            session: 77 << 20,
            ndpi: 31 << 20,
            flows: 1 << 20,
            limit: Some(256 << 20),
            shed: [("unanswered".into(), 7)].into(),
        },
        sweeps: Sweeps { count: 4, last_us: 1_500, longest_us: 2_250_000 },
        version: "0.1".into(),
        ndpi: "5.0".into(),
        since: time,
        attached: vec![Watched { attached, since: time }],
        policy: PolicyState { revision: 3, rules: 2, last_reload, ..PolicyState::default() },
        packets: vec![counted("shown"), counted("count")],
        tables: vec![Fill { table: "flows".into(), used: 3, places: 9 }],
        losses: LostSoFar {
            ring_full: lost_by_ring(5),
            ring_contended: lost_by_ring(6),
            cpus: vec![RingFull { cpu: 1, packets: 5 }],
            ..LostSoFar::default()
        },
        workers: vec![WorkerState::default(); 2],
        decided: BTreeMap::from([("content".into(), 5)]),
        hints: Hints { asked: 5, given: 2 },
        findings: BTreeMap::from([("ambiguous".into(), 1)]),
        apps: vec![traffic("My \"App\" \\ {x=\"y\"}\u{1b}[31m"), traffic("视频")],
        categories: vec![traffic("Web")],
        time_to_verdict: times.clone(),
        inspection: times,
        sinks: vec![SinkState {
            sink: "records".into(),
            waiting: 1,
            lost: 2,
            closed: false,
            failure: None,
        }],
        ..Snapshot::default()
    }
}

fn lost_by_ring(packets: u64) -> Vec<RingLoss> {
    vec![RingLoss { ring: 3, worker: 1, kind: "urgent".into(), packets }]
}

fn broken() -> Snapshot {
    let what = "worker-stuck".into();
    let problem = Problem { what, breaks: true, since: None, text: "worker-0 is\nstuck".into() };
    let note = Problem { what: "records-lost".into(), breaks: false, ..problem.clone() };
    Snapshot { problems: vec![problem, note], ..snapshot() }
}

/// A server on loopback, where it is, and how many snapshots it made.
fn server(snapshot: fn() -> Snapshot) -> (Server, SocketAddr, Arc<AtomicUsize>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address().unwrap();
    let made = Arc::<AtomicUsize>::default();
    let counting = Arc::clone(&made);
    let server = Server::start(listener, move || {
        counting.fetch_add(1, Ordering::Relaxed);
        snapshot()
    });
    (server.unwrap(), address, made)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn answer(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> String {
    answer(address, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
}

#[test]
fn the_three_pages_say_how_it_is() {
    let (_server, well, _) = server(snapshot);
    let metrics = get(well, "/metrics");
    let (head, text) = metrics.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}\r\n", text.len())), "{head}");
    assert_eq!(text, exposition(&snapshot()));
    for line in ["sweeps_total 4", "sweep_last_seconds 0.0015", "sweep_longest_seconds 2.25"] {
        assert!(text.lines().any(|it| it == format!("ndpi_xdp_{line}")), "{line}: {text}");
    }
    assert!(get(well, "/healthz").ends_with("\r\n\r\nok\n"));
    assert!(get(well, "/readyz").starts_with("HTTP/1.1 200"));
    let (_server, ill, _) = server(broken);
    let ready = get(ill, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{ready}");
    assert!(ready.ends_with("\r\n\r\nworker-stuck: worker-0 is?stuck\n"), "{ready}");
    assert!(get(ill, "/healthz").starts_with("HTTP/1.1 503"));
    assert!(get(ill, "/metrics").starts_with("HTTP/1.1 200"), "metrics say so too");
}

#[test]
fn what_is_no_request_is_refused() {
    let (_server, address, made) = server(snapshot);
    for (request, status) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "400"),
        (b"GET /metrics HTTP/9.9\r\n\r\n", "400"),
    ] {
        let answer = answer(address, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let long = format!("GET /metrics HTTP/1.1\r\nCookie: {}", "a".repeat(20 << 10));
    let mut stream = connect(address);
    // It is refused before all of it has come.
    let _ = stream.write_all(long.as_bytes());
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 431");
    assert_eq!(made.load(Ordering::Relaxed), 0, "nothing was looked at for them");
    let head = answer(address, b"HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.ends_with("\r\n\r\n") && head.contains("Content-Length: "), "{head}");
}

#[test]
fn a_request_may_come_in_pieces() {
    let (_server, address, _) = server(snapshot);
    let mut stream = connect(address);
    for piece in b"GET /healthz HTTP/1.1\r\n\r\n".chunks(3) {
        stream.write_all(piece).unwrap();
        thread::yield_now();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("ok\n"), "{answer}");
}

#[test]
fn whoever_says_nothing_is_hung_up_on_and_keeps_nobody_waiting() {
    let (_server, address, _) = server(snapshot);
    // More than are kept: half a request each.
    let mut silent: Vec<_> = (0..300).map(|_| connect(address)).collect();
    for stream in &mut silent {
        let _ = stream.write_all(b"GET /metrics HT");
    }
    let began = Instant::now();
    assert!(get(address, "/healthz").ends_with("ok\n"));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let mut last = silent.pop().unwrap();
    let ended = match last.read(&mut [0; 9]) {
        Ok(got) => got == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    };
    assert!(ended && began.elapsed() < PATIENCE + Duration::from_secs(5));
}

#[test]
fn who_takes_no_answer_keeps_nobody_waiting() {
    let (_server, address, made) = server(snapshot);
    let request = b"GET /metrics HTTP/1.1\r\n\r\n";
    let stalled: Vec<_> = (0..100)
        .map(|_| {
            let stream = connect(address);
            let socket = socket2::SockRef::from(&stream);
            let _ = socket.set_recv_buffer_size(1);
            let _ = (&stream).write_all(request);
            stream
        })
        .collect();
    assert!(get(address, "/healthz").ends_with("ok\n"));
    drop(stalled);
    assert!(made.load(Ordering::Relaxed) < 20, "answers are made a few times a second");
}

#[test]
fn thousands_of_connections_leave_it_as_it_was() {
    let (server, address, made) = server(snapshot);
    let began = Instant::now();
    for turn in 0..3000 {
        let mut stream = connect(address);
        match turn % 3 {
            0 => drop(stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n")),
            1 => drop(stream.shutdown(Shutdown::Write)),
            _ => {}
        }
    }
    assert!(get(address, "/readyz").starts_with("HTTP/1.1 200"));
    let most = 5 * (began.elapsed().as_secs() + 2);
    assert!(made.load(Ordering::Relaxed) as u64 <= most, "{made:?} in {:?}", began.elapsed());
    drop(server);
    // A process that another test starts holds a copy of the socket until it executes its program.
    wait_until(|| TcpStream::connect(address).is_err());
}

#[test]
fn an_address_in_use_is_said_with_what_to_do() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let error = Listener::bind(listener.address().unwrap()).unwrap_err();
    assert!(error.to_string().contains("choose another with --metrics"), "{error}");
}

#[test]
fn names_that_others_have_chosen_stay_values() {
    let text = exposition(&snapshot());
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap();
    assert_eq!(
        line("ndpi_xdp_attached_since_seconds"),
        "ndpi_xdp_attached_since_seconds{iface=\"a\\\"b\\\\c?d\",ingress=\"xdp-native\",egress=\"tcx\"} 1700000000"
    );
    assert_eq!(
        line("ndpi_xdp_app_dropped_packets_total"),
        "ndpi_xdp_app_dropped_packets_total{app=\"My \\\"App\\\" \\\\ {x=\\\"y\\\"}?[31m\",action=\"drop\"} 2"
    );
    assert!(
        text.contains("ndpi_xdp_app_packets_total{app=\"视频\",action=\"drop\"} 1125899906842624")
    );
    assert!(text.contains("ndpi_xdp_inspection_seconds_bucket{le=\"0.0000025\"} 7"), "{text}");
    assert!(text.contains("ndpi_xdp_inspection_seconds_bucket{le=\"+Inf\"} 7"));
    assert!(text.contains("ndpi_xdp_inspection_seconds_sum 0.000009"));
}

#[test]
fn a_snapshot_crosses_the_control_socket_whole() {
    let reply = Reply::new(Answer::Status(Box::new(broken())));
    let line = serde_json::to_string(&reply).unwrap();
    assert_eq!(serde_json::from_str::<Reply>(&line).unwrap(), reply);
}

/// The names of all metrics.
fn names() -> Vec<String> {
    let text = exposition(&snapshot());
    let named = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    named.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn every_metric_is_explained_to_whoever_operates_it() {
    const PAGE: &str = include_str!("../../../docs/operate.md");
    let names = names();
    for name in &names {
        let row = format!("\n| `{name}` |");
        assert_eq!(PAGE.matches(&row).count(), 1, "{row}");
    }
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `ndpi_xdp_")).count();
    assert_eq!(rows, names.len(), "each that is explained exists");
}

#[test]
fn promtool_finds_nothing_to_say() {
    let Some(()) = needs(needs::programs(&["promtool"])) else { return };
    for snapshot in [snapshot(), broken(), Snapshot::default()] {
        let mut check = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let text = exposition(&snapshot);
        check.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let found = check.wait_with_output().unwrap();
        assert!(found.status.success() && found.stderr.is_empty(), "{found:?}");
    }
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../contrib/prometheus/alerts.yml");
    let found = Command::new("promtool").args(["check", "rules", rules]).output().unwrap();
    assert!(found.status.success(), "{found:?}");
}

#[test]
fn alerts_are_about_metrics_that_exist() {
    const RULES: &str = include_str!("../../../contrib/prometheus/alerts.yml");
    let names = names();
    let expressions = RULES.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let words = expressions.flat_map(|it| it.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let ours: Vec<_> = words.filter(|word| word.starts_with("ndpi_xdp_")).collect();
    assert!(ours.len() >= 8, "{ours:?}");
    for word in ours {
        let name = word.strip_suffix("_bucket").unwrap_or(word);
        assert!(names.iter().any(|it| it == name), "{word}");
    }
}

#[test]
fn the_dashboard_asks_for_metrics_and_labels_that_exist() {
    const DASHBOARD: &str = include_str!("../../../contrib/grafana/ndpi-xdp.json");
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let (names, exposition) = (names(), exposition(&snapshot()) + &exposition(&broken()));
    let mut asked = 0;
    for target in targets {
        let (expr, legend) =
            (target["expr"].as_str().unwrap(), target["legendFormat"].as_str().unwrap());
        let words = expr.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with("ndpi_xdp_")) {
            let name = word.strip_suffix("_bucket").unwrap_or(word);
            assert!(names.iter().any(|it| it == name), "{word}");
            asked += 1;
        }
        // Those of the metric; `instance` is Prometheus's own.
        let labels = legend.split("{{").skip(1).map(|it| it.split("}}").next().unwrap());
        for label in labels.filter(|label| *label != "instance") {
            assert!(exposition.contains(&format!("{label}=\"")), "{label} of {expr}");
        }
    }
    assert!(asked >= 20, "{asked}");
}
