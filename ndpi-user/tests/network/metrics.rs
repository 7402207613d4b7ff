//! `run --metrics`: what a real instance says over HTTP, beside what happened to it.

use std::fs;
use std::net::{TcpStream, UdpSocket};

use rustix::process::Signal;
use serde_json::Value;
use testkit::metrics::{ADDRESS, get, metric, sum, value, wait_for};
use testkit::pair::{FAR, Pair};
use testkit::program::PROGRAMS;
use testkit::sandbox::Sandbox;
use testkit::wait_until;

use crate::ready;

/// The same as it is written.
fn number(sandbox: &Sandbox, name: &str) -> String {
    metric(sandbox, name).to_string()
}

fn status(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.run("status --json").stdout).unwrap()
}

#[test]
fn metrics_and_status_say_the_same_of_what_happened() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    sandbox.ip("link set lo up");
    let text = "default = \"drop\"\nundecided = \"drop\"\n[[rule]]\napp = \"Facebook\"\nfirst_packet = true\naction = \"drop\"\n";
    let policy = sandbox.file("policy.toml", text);
    let command = format!(
        "run --iface left --json --workers 2 --sweep 1 --metrics {ADDRESS} --policy {}",
        policy.display()
    );
    let mut instance = sandbox.start(&command);
    instance.wait_to_say(&format!("metrics are at http://{ADDRESS}/metrics"));
    assert_eq!(get(sandbox, "/readyz"), ("HTTP/1.1 200 OK".into(), "ok\n".into()));
    assert_eq!(number(sandbox, "ndpi_xdp_whole"), "1");

    // A flow that nobody knows is decided when no more of it is shown, and then dropped.
    let socket = pair.near(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    let dropped = "ndpi_xdp_packets_total{hook=\"egress\",outcome=\"dropped\",reason=\"drop\"}";
    wait_until(|| {
        (0..40).for_each(|_| drop(socket.send_to(&[7; 64], (FAR, 4000))));
        metric(sandbox, dropped) > 0.0
    });
    let decided = "ndpi_xdp_decided_flows_total{by=\"content\"}";
    wait_until(|| metric(sandbox, decided) > 0.0);
    wait_until(|| get(sandbox, "/metrics").1.lines().any(is_app_with_drops));
    wait_until(|| metric(sandbox, "ndpi_xdp_table_entries{table=\"verdicts-v4\"}") > 0.0);
    for name in [
        "ndpi_xdp_worker_packets_total{worker=\"0\"}",
        "ndpi_xdp_worker_packets_total{worker=\"1\"}",
    ] {
        // One of both has the flow.
        assert!(value(&get(sandbox, "/metrics").1, name).is_some(), "{name}");
    }
    for name in [
        "ndpi_xdp_time_to_verdict_seconds_count",
        "ndpi_xdp_inspection_seconds_count",
        "ndpi_xdp_first_packet_hints_total{hint=\"no\"}",
    ] {
        wait_until(|| metric(sandbox, name) > 0.0);
    }

    assert_flows_are_counted(sandbox);

    // With nothing on its way, both say the same, to the packet.
    socket.set_nonblocking(true).unwrap();
    wait_until(|| {
        let before = status(sandbox)["packets"].clone();
        let metrics = get(sandbox, "/metrics").1;
        let all = before.as_array().unwrap();
        let is_same = |it: &Value| {
            let [hook, outcome, reason] =
                ["hook", "outcome", "reason"].map(|f| it[f].as_str().unwrap());
            let name = format!(
                "ndpi_xdp_packets_total{{hook=\"{hook}\",outcome=\"{outcome}\",reason=\"{reason}\"}}"
            );
            value(&metrics, &name) == it["packets"].as_f64()
        };
        all.iter().all(is_same)
    });

    fs::write(&policy, "default = \"count\"\nrule = []\n").unwrap();
    assert_eq!(sandbox.run("policy reload").code, Some(0));
    fs::write(&policy, "default = \"cuont\"\n").unwrap();
    assert_eq!(sandbox.run("policy reload").code, Some(1));
    let refused = "ndpi_xdp_policy_reloads_total{result=\"refused\"}";
    wait_until(|| metric(sandbox, refused) >= 1.0);
    let (_, metrics) = get(sandbox, "/metrics");
    assert_eq!(value(&metrics, "ndpi_xdp_policy_last_reload_successful"), Some(0.0));
    assert_eq!(value(&metrics, "ndpi_xdp_problem{problem=\"policy-refused\"}"), Some(1.0));
    assert_eq!(value(&metrics, "ndpi_xdp_whole"), Some(1.0), "the one before is enforced");
    assert!(value(&metrics, "ndpi_xdp_policy_revision") >= Some(2.0));
    let [since, last] = ["ndpi_xdp_policy_since_seconds", "ndpi_xdp_policy_last_reload_seconds"]
        .map(|name| value(&metrics, name).unwrap());
    assert!(last >= since && since > 0.0, "{metrics}");

    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let gone = sandbox.inside(|| TcpStream::connect(ADDRESS).is_err());
    assert!(gone, "nobody answers for an instance that has ended");
}

/// Fails where a metric stays 0 though flows were decided by a policy of one rule.
fn assert_flows_are_counted(sandbox: &Sandbox) {
    for name in [
        "ndpi_xdp_app_flows_total",
        "ndpi_xdp_app_packets_total",
        "ndpi_xdp_app_bytes_total",
        "ndpi_xdp_category_flows_total",
        "ndpi_xdp_category_packets_total",
        "ndpi_xdp_category_bytes_total",
        "ndpi_xdp_category_dropped_packets_total",
        "ndpi_xdp_bytes_total",
        "ndpi_xdp_worker_flows",
        "ndpi_xdp_table_places",
        "ndpi_xdp_sweeps_total",
        "ndpi_xdp_sweep_last_seconds",
        "ndpi_xdp_sweep_longest_seconds",
        "ndpi_xdp_start_time_seconds",
        "ndpi_xdp_policy_since_seconds",
    ] {
        wait_for(sandbox, name);
    }
    let (_, metrics) = get(sandbox, "/metrics");
    let ones = ["ndpi_xdp_build_info", "ndpi_xdp_policy_rules"];
    assert_eq!(ones.map(|it| sum(&metrics, it).to_string()), ["1"; 2]);
}

fn is_app_with_drops(line: &str) -> bool {
    let value = line.strip_prefix("ndpi_xdp_app_dropped_packets_total{");
    value.is_some_and(|it| it.contains("action=\"drop\"") && !it.ends_with("} 0"))
}

#[test]
fn an_instance_that_is_not_whole_is_not_ready() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.ip("link set lo up");
    sandbox.ip("link set left name q\"b\\s");
    let arguments = ["run", "--iface", "q\"b\\s", "--json", "--metrics", ADDRESS];
    let mut command = sandbox.command(&testkit::program::binary().display().to_string());
    let mut instance =
        testkit::instance::Instance::start(command.args(arguments), sandbox.folder());
    let (_, metrics) = get(&sandbox, "/metrics");
    let attached = "ndpi_xdp_attached_since_seconds{iface=\"q\\\"b\\\\s\",ingress=\"xdp-";
    assert!(metrics.lines().any(|line| line.starts_with(attached)), "{metrics}");
    sandbox.ip("link del right");
    wait_until(|| get(&sandbox, "/readyz").0 == "HTTP/1.1 503 Service Unavailable");
    let (_, ready) = get(&sandbox, "/readyz");
    assert!(ready.starts_with("nothing-attached: "), "{ready}");
    assert!(ready.contains("\nnot-enforced: "), "{ready}");
    assert_eq!(get(&sandbox, "/healthz").0, "HTTP/1.1 200 OK", "to start it again does not help");
    assert_eq!(number(&sandbox, "ndpi_xdp_unenforced"), "1");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn an_address_that_is_not_to_be_had_is_said_before_anything_is_attached() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let words = ["cannot listen for whoever asks for metrics at 192.0.2.1:9100"];
    sandbox.run("run --iface left --metrics 192.0.2.1:9100").assert_failed(1, &words);
    sandbox.assert_clean();
}
