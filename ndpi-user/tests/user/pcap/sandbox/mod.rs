//! A packet that makes nDPI do what it likes: what code in its place can reach, and what it cannot.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::needs;
use testkit::packets::{capture, dns};
use testkit::places::ndpi_library;
use testkit::program::{Run, command, file, run};

use crate::ndpi_is_there;
use crate::pcap::conversation;

/// What code in nDPI's place is refused, as [`hostile.c`](hostile.c) calls it.
const REFUSED: [&str; 12] = [
    "shadow", "passwd", "other", "socket", "write", "create", "fork", "program", "ptrace",
    "signal", "memory", "execve",
];

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
            let packets = [(1, dns(1, host, false)), (2, dns(2, "now.example", false))];
            file(test, &format!("{host}.pcap"), &capture(&packets))
        };
        let stage = Self {
            library: PathBuf::from(file(test, "libhostile.so", b"")),
            marked: [marked("one.example"), marked("two.example")],
            other: file(test, "other.pcap", &conversation()),
        };
        needs(stage.compile()).map(|()| stage)
    }

    /// Compiles the library that stands in for nDPI, and hands on to it.
    fn compile(&self) -> Result<(), String> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/user/pcap/sandbox/hostile.c");
        let real = ndpi_library().canonicalize().map_err(|error| error.to_string())?;
        let folder = real.parent().unwrap_or(Path::new("/")).display().to_string();
        let size = format!("-DRESULT_SIZE={}", size_of::<ndpi_sys::types::Protocol>());
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", &size, "-o"]).args([&self.library]);
        compiler
            .arg(source)
            .arg("-Wl,--no-as-needed")
            .arg(&real)
            .arg(format!("-Wl,-rpath,{folder}"));
        let output = compiler.output().map_err(|error| format!("cc: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// What the library has said of each attempt, by a run of `arguments`.
    fn run(&self, arguments: &[&str], acts: bool) -> Run {
        let mut command = command(arguments);
        command.arg("--ndpi-library").arg(&self.library).env("OTHER_CAPTURE", &self.other);
        if acts {
            command.env("AND_ACT", "1");
        }
        run(&mut command)
    }

    /// Fails unless `attempts` processes of this run have tried everything and were refused it.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], attempts: usize) {
        let run = self.run(arguments, true);
        assert_eq!(run.code, Some(0), "{run:#?}");
        for what in REFUSED {
            let tried: Vec<_> = tried(&run, what).collect();
            assert_eq!(tried.len(), attempts, "{what}: {run:#?}");
            for ended in tried {
                assert!(["EPERM", "EACCES"].contains(&ended), "{what}: {ended}");
            }
        }
    }
}

/// How attempts of one kind have ended.
fn tried<'a>(run: &'a Run, what: &str) -> impl Iterator<Item = &'a str> {
    let begin = format!("tried {what}: ");
    run.stderr.lines().filter_map(move |line| line.strip_prefix(begin.as_str()))
}

#[test]
fn code_in_the_place_of_ndpi_can_read_nothing_and_start_nothing() {
    let Some(stage) = Stage::new("sandbox") else { return };
    let [one, two] = &stage.marked;
    stage.refuses(&["pcap", "--json", one], 1);
    // With others, each has a process of its own, that cannot read the next one's capture either.
    stage.refuses(&["pcap", "--json", one, two, &stage.other], 2);
    stage.refuses(&["pcap", "--json", "--threads", "2", one], 1);
    let policy = file("sandbox", "policy.toml", b"[[rule]]\napp = \"DNS\"\naction = \"drop\"\n");
    stage.refuses(&["policy", "explain", &policy, "--capture", one], 1);
}

#[test]
fn without_the_sandbox_it_could() {
    let Some(stage) = Stage::new("no-sandbox") else { return };
    let [one, two] = &stage.marked;
    for arguments in [&["pcap", "--no-sandbox", one][..], &["pcap", "--no-sandbox", one, two]] {
        let run = stage.run(arguments, false);
        for what in ["passwd", "other", "socket"] {
            let tried: Vec<_> = tried(&run, what).collect();
            assert_eq!(tried, vec!["done"; arguments.len() - 2], "{what}: {run:#?}");
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
