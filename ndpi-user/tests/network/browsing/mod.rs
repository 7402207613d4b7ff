//! A real web server that is asked in the ways of tools that get round filters, by a real client: of a blocked site
//! nothing arrives, and an allowed one does, over TLS and in the clear.

mod carried;
mod forged;
mod http3;
mod second_host;
mod site;
mod spelled;
mod ways;
mod witnesses;

use std::io::{self, Read as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use carried::CARRIED;
use forged::{FORGED, MORE_SHOWN};
use site::{ALLOWED, BLOCKED, PAGE, Site, byte_of};
use spelled::SPELLED;
use testkit::program::PROGRAMS;
use ways::{For, Opening, WAYS, Way};

use crate::counted::not_inspected;
use crate::ready;

/// Of the distribution's.
const ALL_PROGRAMS: [&str; 3] = ["curl", "nginx", "openssl"];

/// Seconds that a page may take that nobody blocks.
const PATIENCE: u8 = 30;
/// For how many seconds one is waited for that does not come: longer than answers are held, and TCP waits after that.
const SILENCE: u8 = 3;
/// How many ask at once.
const AT_ONCE: usize = 12;

/// What nginx reads of a file and sends in one go, before anybody can have looked at the first of it.
const AT_ONCE_OF_A_PAGE: usize = 32_768;

const POLICY: &str =
    "hold = true\n[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";

/// What a site is asked for by, and what it listens on.
const SCHEMES: [(&str, u16, For); 2] = [("https", 443, For::Tls), ("http", 80, For::Http)];

/// A site of the other kind, whose name is as long.
fn decoy(site: &str) -> &'static str {
    if site == BLOCKED { "www.example2.com" } else { "ab.facebook.com" }
}

/// `bytes` with each `from` in them replaced by `to`, which is as long.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

/// All that a client says before it waits: a head of HTTP, or a record of TLS.
fn first_words(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    let is_whole = |said: &[u8]| match said {
        [22, _, _, high, low, rest @ ..] => {
            rest.len() >= usize::from(u16::from_be_bytes([*high, *low]))
        }
        _ => said.ends_with(b"\r\n\r\n"),
    };
    while !is_whole(&said) {
        let mut buffer = [0; 4096];
        let length = client.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        said.extend(&buffer[..length]);
    }
    Ok(said)
}

/// Says for one client what it says first in some way, and then carries bytes between it and the server.
fn carry(listener: &TcpListener, port: u16, site: &str, way: Way) -> io::Result<()> {
    let (mut client, _) = listener.accept()?;
    let first = first_words(&mut client)?;
    let decoy = replaced(&first, site, decoy(site));
    let server = way(&Opening { port, first: &first, decoy: &decoy }).stream;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::scope(|scope| {
        scope.spawn(move || {
            let _ = io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Both);
        });
        let copied = io::copy(&mut &server, &mut client).map(drop);
        let _ = client.shutdown(Shutdown::Both);
        copied
    })
}

/// How much of the page of a site arrives within so many seconds.
fn arriving(site: &Site, (scheme, port): (&str, u16), name: &str, way: Way, seconds: u8) -> usize {
    site.pair.far(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = format!("::{}", listener.local_addr().unwrap());
        let carrying = thread::scope(|scope| {
            let carrying = scope.spawn(|| carry(&listener, port, name, way));
            let output = Command::new("curl")
                .args(["--silent", "--insecure", "--http1.1", "--http0.9", "--noproxy", "*"])
                .args(["--max-time", &seconds.to_string(), "--connect-to", &to])
                .arg(format!("{scheme}://{name}/"))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            // Whoever is cut off says so; what counts is what arrived.
            drop(carrying.join().unwrap());
            output
        });
        // Each page consists of one byte.
        let page = carrying.stdout;
        if page.first() == Some(&byte_of(name)) { page.len() } else { 0 }
    })
}

/// One of the ways, over a scheme.
#[derive(Clone, Copy)]
struct Try {
    scheme: (&'static str, u16),
    what: &'static str,
    way: Way,
}

fn tries() -> Vec<Try> {
    let of = |(scheme, port, kind)| {
        let all = WAYS.into_iter().chain(FORGED).chain(CARRIED).chain(SPELLED);
        let fitting = all.filter(move |(_, of, _)| *of == For::Both || *of == kind);
        fitting.map(move |(what, _, way)| Try { scheme: (scheme, port), what, way })
    };
    SCHEMES.into_iter().flat_map(of).collect()
}

/// Those that do not go as they should, a few at a time, with how much arrived: whether all of the page is to.
fn wrong(site: &Site, name: &str, passes: bool, tries: &[Try]) -> Vec<(Try, usize)> {
    let seconds = if passes { PATIENCE } else { SILENCE };
    let is_right = |of: &Try, arrived| {
        let most = if MORE_SHOWN.contains(&of.what) { AT_ONCE_OF_A_PAGE } else { 0 };
        if passes { arrived == PAGE } else { arrived <= most }
    };
    let at_once = |some: &[Try]| -> Vec<_> {
        thread::scope(|scope| {
            let run = |of: Try| move || (of, arriving(site, of.scheme, name, of.way, seconds));
            let running: Vec<_> = some.iter().map(|of| scope.spawn(run(*of))).collect();
            running.into_iter().map(|it| it.join().unwrap()).collect()
        })
    };
    let done = tries.chunks(AT_ONCE).flat_map(at_once);
    done.filter(|(of, arrived)| !is_right(of, *arrived)).collect()
}

/// Fails where something does not go as it should.
fn check(site: &Site, name: &str, passes: bool, what: &str) {
    let wrong = wrong(site, name, passes, &tries());
    let shown: Vec<_> =
        wrong.iter().map(|(of, arrived)| (of.scheme.0, of.what, *arrived)).collect();
    let left_out = not_inspected(&site.pair.sandbox);
    assert!(shown.is_empty(), "{name}, {what}, {left_out} left out: {shown:?}");
}

#[test]
fn nginx_is_asked_in_every_way_and_blocked_sites_stay_blocked() {
    if !ready(&[&PROGRAMS[..], &ALL_PROGRAMS].concat()) {
        return;
    }
    for offloads in [true, false] {
        let site = Site::new(offloads);
        let policy = site.pair.sandbox.file("policy.toml", POLICY);
        // Without the program, each way leads to each page.
        for name in [ALLOWED, BLOCKED] {
            let wrong = wrong(&site, name, true, &tries());
            assert!(
                wrong.is_empty(),
                "{:?}",
                wrong.iter().map(|(of, _)| of.what).collect::<Vec<_>>()
            );
        }
        let run = format!("run --iface left --json --policy {}", policy.display());
        let _instance = site.pair.sandbox.start(&run);
        let what = if offloads { "with offloads" } else { "without offloads" };
        check(&site, ALLOWED, true, what);
        check(&site, BLOCKED, false, what);
    }
}
