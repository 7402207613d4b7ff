//! `ndpi-xdp verdicts` with what is asked for, of real flows.

use std::net::UdpSocket;

use rustix::process::Signal;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::sandbox::Sandbox;
use testkit::wait_until;

use crate::ready;

/// The ports at the far end of the verdicts that are asked for, in their order.
fn ports(sandbox: &Sandbox, query: &str) -> Vec<u64> {
    let run = sandbox.run(&format!("verdicts --json --port 4000 --port 4001 --port 4002 {query}"));
    // NEAR is the lower address.
    run.records("entry").iter().map(|it| it["upper_port"].as_u64().unwrap()).collect()
}

#[test]
fn verdicts_are_found_by_what_is_asked_and_shown_in_its_order() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let policy = sandbox.file(
        "policy.toml",
        "default = \"count\"\n[[rule]]\nname = \"no 4001\"\nport = 4001\naction = \"drop\"\n",
    );
    let command = format!("run --iface left --json --policy {}", policy.display());
    let mut instance = sandbox.start(&command);
    // What answers keeps the far end from saying that nobody listens.
    let _listening: Vec<_> =
        pair.far(|| (4000..4003).map(|port| UdpSocket::bind((FAR, port)).unwrap()).collect());
    let socket = pair.near(|| UdpSocket::bind((NEAR, 0)).unwrap());
    let send = |port: u16, packets: usize| {
        (0..packets).for_each(|_| drop(socket.send_to(&[7; 64], (FAR, port))));
    };
    wait_until(|| {
        (4000..4003).for_each(|port| send(port, 40));
        ports(sandbox, "").len() == 3
    });
    send(4002, 2000);
    send(4001, 1000);
    assert_eq!(ports(sandbox, "--action drop"), [4001]);
    assert_eq!(ports(sandbox, "--sort dropped --top 1"), [4001]);
    assert_eq!(ports(sandbox, "--sort packets --top 2"), [4002, 4001]);
    assert_eq!(ports(sandbox, "--net 198.18.7.0/24 --action count --sort bytes")[0], 4002);
    assert_eq!(ports(sandbox, "--net 2001:db8::/32"), [0; 0]);
    assert_eq!(ports(sandbox, "--category Unspecified --app DNS"), [0; 0]);
    let by_rule = ["verdicts", "--rule", "no 4001"];
    let mut rule = sandbox.command(&testkit::program::binary().display().to_string());
    let table = testkit::program::run(rule.args(by_rule));
    let rows: Vec<_> = table.stdout.lines().collect();
    assert_eq!(rows.len(), 2, "{table:#?}");
    assert!(rows[0].contains("bytes  dropped") && rows[1].contains("no 4001"), "{table:#?}");
    sandbox.run("verdicts --app Fasebook").assert_failed(1, &["ndpi-xdp list protocols"]);
    sandbox.run("verdicts --watch --json").assert_failed(2, &["--watch"]);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}
