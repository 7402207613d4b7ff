//! The examples that need a running instance.

use std::net::UdpSocket;

use rustix::process::Signal;
use testkit::needs::needs;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::{PROGRAMS, example, run};

use crate::ready;

const POLICY: &str = "[[rule]]\nname = \"blocked\"\nport = 5000\naction = \"drop\"\n";

#[test]
fn read_verdicts_prints_what_an_instance_has_pinned() {
    if !ready(&PROGRAMS) {
        return;
    }
    let Some(example) = needs(example("ndpi-kernel", "read_verdicts")) else { return };
    let pair = Pair::new();
    let policy = pair.sandbox.file("policy.toml", POLICY);
    let arguments = format!("run --iface left --json --policy {}", policy.display());
    let mut instance = pair.sandbox.start(&arguments);
    // Without it, ICMP errors would be flows too.
    let _receiver = pair.near(|| UdpSocket::bind((NEAR, 5000)).unwrap());
    let sender = pair.far(|| UdpSocket::bind((FAR, 4000)).unwrap());
    let send = |count| {
        for _ in 0..count {
            sender.send_to(&[0xa5; 40], (NEAR, 5000)).unwrap();
        }
    };
    send(40);
    instance.wait_for(|record| record["type"] == "verdict" && record["dport"] == 5000);

    let example = example.to_str().unwrap();
    let before = packets(&run(&mut pair.sandbox.command(example)).stdout);
    send(10);
    let after = packets(&run(&mut pair.sandbox.command(example)).stdout);
    assert_eq!(after, before + 10);

    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let gone = run(&mut pair.sandbox.command(example));
    assert!(gone.code != Some(0) && !gone.stderr.is_empty(), "{gone:#?}");
}

/// The packets of the only flow, which is blocked.
fn packets(printed: &str) -> u64 {
    let [line] = printed.lines().collect::<Vec<_>>()[..] else { panic!("{printed}") };
    let (flow, counted) = line.split_once(": drop, ").unwrap_or_else(|| panic!("{line}"));
    let ends = [format!("{FAR} port 4000"), format!("{NEAR} port 5000")];
    assert!(flow.ends_with("protocol 17") && ends.iter().all(|end| flow.contains(end)), "{line}");
    counted.split_once(" packets").unwrap().0.parse().unwrap()
}
