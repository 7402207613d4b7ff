//! A packet that makes nDPI do what it likes, in an instance that enforces.

use std::net::UdpSocket;

use rustix::process::Signal;
use testkit::hostile::{MARK, REFUSED, compile, tried};
use testkit::instance::Instance;
use testkit::needs;
use testkit::packets::dns;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::binary;

use crate::ready;

const PROGRAMS: [&str; 4] = ["cc", "ip", "tc", "nsenter"];

/// Length of the headers of IPv4 and UDP.
const HEADERS: usize = 28;

/// What such code says that it tried, in an instance that is started with these options besides. It does
/// not act where it would be felt unless it `acts`.
fn attempts(options: &str, acts: bool) -> Vec<(&'static str, Vec<String>)> {
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let library = compile(sandbox.folder(), size_of::<ndpi_sys::types::Protocol>());
    let library = needs(library).expect("there is a C compiler");
    let arguments =
        format!("run --iface left --json --ndpi-library {} {options}", library.display());
    let mut command = sandbox.command(&binary().display().to_string());
    command.args(arguments.split_whitespace());
    command.env("OTHER_CAPTURE", sandbox.file("other", "nothing"));
    if acts {
        command.env("AND_ACT", "1");
    }
    let mut instance = Instance::start(&mut command, sandbox.folder());
    let client = pair.far(|| UdpSocket::bind((FAR, 4001)).unwrap());
    client.send_to(&dns(1, MARK, false)[HEADERS..], (NEAR, 53)).unwrap();
    instance.wait_to_say(if acts { "tried execve: " } else { "tried socket: " });
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let said = instance.stderr();
    let tried = |what| (what, tried(&said, what).into_iter().map(str::to_owned).collect());
    REFUSED.map(tried).into()
}

#[test]
fn code_in_the_place_of_ndpi_has_no_file_no_socket_no_map_and_no_process() {
    if !ready(&PROGRAMS) {
        return;
    }
    for (what, ended) in attempts("", true) {
        let refused = |ended: &String| ["EPERM", "EACCES"].contains(&ended.as_str());
        assert!(!ended.is_empty() && ended.iter().all(refused), "{what}: {ended:?}");
    }
}

#[test]
fn with_all_rights_kept_it_could() {
    if !ready(&PROGRAMS) {
        return;
    }
    let attempts = attempts("--no-sandbox", false);
    // Once more with the ICMP error that quotes the packet, if that comes before the end.
    let (_, ended) = attempts.into_iter().find(|(what, _)| *what == "parent").unwrap();
    assert!(!ended.is_empty() && ended.iter().all(|ended| ended == "done"), "{ended:?}");
}
