//! A packet that makes nDPI do what it likes: what code in its place can reach, and what it cannot.

use std::path::{Path, PathBuf};

use testkit::hostile::{MARK, assert_refused, compile, tried};
use testkit::needs;
use testkit::packets::{capture, dns};
use testkit::program::{Run, command, file, run};

use crate::ndpi_is_there;
use crate::pcap::conversation;

/// Captures that have such a packet, and one that is nobody's to read.
struct Stage {
    library: PathBuf,
    marked: [String; 2],
    other: String,
}

impl Stage {
    /// `None` where nDPI or a compiler is missing, which is said.
    fn new(test: &str) -> Option<Self> {
        if !ndpi_is_there() {
            return None;
        }
        let marked = |host: &str| {
            let packets = [(1, dns(1, host, false)), (2, dns(2, MARK, false))];
            file(test, &format!("{host}.pcap"), &capture(&packets))
        };
        let marked = [marked("one.example"), marked("two.example")];
        let folder = Path::new(&marked[0]).parent()?;
        let library = needs(compile(folder, size_of::<ndpi_sys::types::Protocol>()))?;
        Some(Self { library, marked, other: file(test, "other.pcap", &conversation()) })
    }

    /// A run of `arguments` with the library.
    fn run(&self, arguments: &[&str], acts: bool) -> Run {
        let mut command = command(arguments);
        command.arg("--ndpi-library").arg(&self.library).env("OTHER_CAPTURE", &self.other);
        if acts {
            command.env("AND_ACT", "1");
        }
        run(&mut command)
    }
}

#[test]
fn code_in_the_place_of_ndpi_can_read_nothing_and_start_nothing() {
    let Some(stage) = Stage::new("sandbox") else { return };
    let [one, two] = &stage.marked;
    let policy = file("sandbox", "policy.toml", b"[[rule]]\napp = \"DNS\"\naction = \"drop\"\n");
    // With others, each has a process of its own, that cannot read the next one's capture either.
    for (arguments, attempts) in [
        (&["pcap", "--json", one][..], 1),
        (&["pcap", "--json", one, two, &stage.other], 2),
        (&["pcap", "--json", "--threads", "2", one], 1),
        (&["policy", "explain", &policy, "--capture", one], 1),
    ] {
        assert_refused(&stage.run(arguments, true), attempts);
    }
}

#[test]
fn without_the_sandbox_it_could() {
    let Some(stage) = Stage::new("no-sandbox") else { return };
    let [one, two] = &stage.marked;
    for arguments in [&["pcap", "--no-sandbox", one][..], &["pcap", "--no-sandbox", one, two]] {
        let run = stage.run(arguments, false);
        for what in ["passwd", "other", "socket"] {
            assert_eq!(
                tried(&run.stderr, what),
                vec!["done"; arguments.len() - 2],
                "{what}: {run:#?}"
            );
        }
    }
}

#[test]
fn lists_and_local_time_are_within_reach() {
    if !ndpi_is_there() {
        return;
    }
    let list = file("sandbox-lists", "protos.txt", b"host:\"inside.example\"@Inside\n");
    let captures = ["one", "two"].map(|name| {
        let packet = dns(1, &format!("{name}.inside.example"), false);
        file("sandbox-lists", &format!("{name}.pcap"), &capture(&[(1, packet)]))
    });
    let text = |more: &[&str]| {
        let arguments = ["pcap", "--json", "--threads", "8", "--protocols", &list];
        let mut command = command(&[&arguments, more].concat());
        let run = run(command.args(&captures).env("TZ", "Pacific/Chatham"));
        assert_eq!(run.flows().len(), 2, "{run:#?}");
        run.stdout
    };
    assert_eq!(text(&[]), text(&["--no-sandbox"]));
}
