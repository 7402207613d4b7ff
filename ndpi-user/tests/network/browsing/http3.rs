//! A real HTTP/3 server that is asked in several ways by a real client: of a blocked site nothing arrives, and an allowed
//! one does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use testkit::needs::{needs, python};
use testkit::program::PROGRAMS;

use super::site::{ALLOWED, BLOCKED, PAGE, SERVER, Site};
use super::{ALL_PROGRAMS, PATIENCE, POLICY, SILENCE};
use crate::ready;

const SERVER_PROGRAM: &str = include_str!("http3/server.py");
const CLIENT_PROGRAM: &str = include_str!("http3/client.py");

/// What the client's program knows: packets that are none before its own, a hello in several packets, a server that wants
/// a token first, a version that it does not know, a request before its answer, packets in the wrong order, or twice, or in
/// fragments, a hello in many frames that overlap, another hello, or many, before or behind its own that do not come far
/// enough, also to the same identifier, another version, and a change of ports.
const WAYS: [&str; 16] = [
    "plain",
    "junk",
    "several Initials",
    "retry",
    "negotiation",
    "early",
    "backwards",
    "twice",
    "fragments",
    "pieces",
    "decoy",
    "decoy behind",
    "decoy to the same",
    "decoys",
    "version 2",
    "another port",
];

struct Server(Child);

impl Server {
    fn start(site: &Site, mut python: Command) -> Self {
        python.args(["-c", SERVER_PROGRAM, SERVER]).arg(site.pair.sandbox.folder());
        python.arg(PAGE.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut server = Self(site.beside(|| python.spawn().unwrap()));
        let mut said = String::new();
        BufReader::new(server.0.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n");
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How much of the page of a site arrives within so many seconds.
fn arriving(site: &Site, mut python: Command, name: &str, way: &str, seconds: u8) -> usize {
    python.args(["-c", CLIENT_PROGRAM, SERVER, name, way]);
    python.args([seconds.to_string(), PAGE.to_string()]).stdin(Stdio::null());
    let output = site.pair.far(|| python.output().unwrap());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{name}, {way}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// What a server may send before it has heard of its client (RFC 9002, section 7.2): of a page that was asked for early, and
/// on another port before the block of the connection stands there.
const FIRST_FLIGHT: usize = 14_720;

/// Fails where not all of the page of a site arrives in each way, or not nothing.
fn check(site: &Site, python: fn() -> Command, name: &str, passes: bool, what: &str) {
    let seconds = if passes { PATIENCE } else { SILENCE };
    let is_right = |way, arrived| match (passes, way) {
        (true, _) => arrived == PAGE,
        (false, "early" | "another port") => arrived <= FIRST_FLIGHT,
        (false, _) => arrived == 0,
    };
    let arrived: Vec<_> = thread::scope(|scope| {
        let run = |way| move || (way, arriving(site, python(), name, way, seconds));
        let running: Vec<_> = WAYS.iter().map(|way| scope.spawn(run(*way))).collect();
        running.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let wrong: Vec<_> =
        arrived.into_iter().filter(|(way, arrived)| !is_right(way, *arrived)).collect();
    assert!(wrong.is_empty(), "{name}, {what}: {wrong:?}");
}

#[test]
fn http_3_is_asked_in_every_way_and_blocked_sites_stay_blocked() {
    let Some(python) = needs(python(&["aioquic"])) else { return };
    if !ready(&[&PROGRAMS[..], &ALL_PROGRAMS].concat()) {
        return;
    }
    let site = Site::new(true);
    let _server = Server::start(&site, python());
    check(&site, python, BLOCKED, true, "where nobody blocks");
    let policy = site.pair.sandbox.file("policy.toml", POLICY);
    let run = format!("run --iface left --json --policy {}", policy.display());
    let _instance = site.pair.sandbox.start(&run);
    check(&site, python, ALLOWED, true, "with an instance");
    check(&site, python, BLOCKED, false, "with an instance");
}
