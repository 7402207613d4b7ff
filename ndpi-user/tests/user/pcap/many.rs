//! Many captures at once, folders of them, and Ctrl-C in between.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::packets::{capture, dns};
use testkit::program::{Run, binary, file, pcap};

use crate::ndpi_is_there;
use crate::pcap::conversation;

/// A folder of captures, some below, and a file that is none.
fn folder(test: &str) -> String {
    let path = file(test, "README.txt", b"not a capture");
    let folder = Path::new(&path).parent().unwrap().to_owned();
    for (name, host) in [("b.pcap", "b"), ("a.pcap", "a"), ("deep/c.pcap", "c"), ("deep/d", "d")] {
        fs::create_dir_all(folder.join("deep")).unwrap();
        let packet = dns(1, &format!("{host}.example"), false);
        fs::write(folder.join(name), capture(&[(1, packet)])).unwrap();
    }
    folder.into_os_string().into_string().unwrap()
}

fn captures(run: &Run) -> Vec<String> {
    let name = |record: &serde_json::Value| record["capture"].as_str().unwrap().to_owned();
    run.records("capture").iter().map(name).collect()
}

#[test]
fn a_folder_is_read_in_order_as_its_files_would_be() {
    if !ndpi_is_there() {
        return;
    }
    let folder = folder("folder");
    let run = pcap(&["--json", &folder]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(captures(&run), ["a.pcap", "b.pcap", "deep/c.pcap", "deep/d"]);
    assert_eq!(run.records("flow")[2]["capture"], "deep/c.pcap");
    assert!(run.stderr.contains("1 file in folders is no capture:"), "{}", run.stderr);
    let joined = pcap(&["--json", "--join", &folder]);
    assert_eq!(captures(&joined).len(), 4);
    assert!(pcap(&[&folder]).stdout.starts_with("4 captures: 4 packets"));
}

#[test]
fn where_nothing_could_be_read_there_is_no_report() {
    if !ndpi_is_there() {
        return;
    }
    let empty = PathBuf::from(folder("no-report")).join("empty");
    fs::create_dir_all(&empty).unwrap();
    let text = file("no-report-text", "notes.pcap", b"no capture at all");
    for arguments in
        [&["/nowhere.pcap"][..], &[&text], &[&text, "/nowhere.pcap"], &[empty.to_str().unwrap()]]
    {
        let run = pcap(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{}", run.stderr);
        assert_eq!(run.stderr.matches("error: ").count(), arguments.len(), "{}", run.stderr);
    }
}

/// Each capture is classified by an engine that has seen nothing, and whoever reads the output finds
/// the order of the command line.
#[test]
fn many_captures_give_what_each_gives_alone() {
    if !ndpi_is_there() {
        return;
    }
    let one = |number: u16| {
        let name = format!("{number}.example");
        let packets = [(1, dns(number, &name, false)), (2, dns(number, &name, true))];
        let bytes = [capture(&packets), conversation()].concat();
        file("many", &format!("{number:03}.pcap"), &bytes)
    };
    let mut files: Vec<_> = (1..=12).map(one).collect();
    files.insert(5, "/nowhere/at/all.pcap".into());
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let alone: Vec<_> = files.iter().map(|path| pcap(&["--json", path])).collect();
    for threads in ["1", "2", "7"] {
        let run = pcap(&[&["--json", "--threads", threads], &files[..]].concat());
        assert_eq!(run.code, Some(1));
        assert_eq!(run.stdout, alone.iter().map(|run| run.stdout.as_str()).collect::<String>());
        assert_eq!(run.stderr.matches("error: ").count(), 1, "{}", run.stderr);
    }
    let text = |threads| pcap(&[&["--threads", threads], &files[..]].concat()).stdout;
    assert_eq!(text("1"), text("3"));
}

/// What takes an engine's setting up a file would take as many times as long.
#[test]
fn a_hundred_captures_take_no_hundred_engines() {
    if !ndpi_is_there() {
        return;
    }
    let path = file("hundred", "one.pcap", &conversation());
    let timed = |count: usize| {
        let started = Instant::now();
        let run = pcap(&[&["--json", "--threads", "1"], &vec![path.as_str(); count][..]].concat());
        assert_eq!((run.code, captures(&run).len()), (Some(0), count));
        started.elapsed()
    };
    // The best of a few: the machine has other things to do.
    let best = |count| (0..3).map(|_| timed(count)).min().unwrap();
    let (one, hundred) = (best(1), best(101));
    eprintln!("1 capture: {one:?}, 101 captures: {hundred:?}");
    assert!(hundred < one * 40, "1 capture: {one:?}, 101 captures: {hundred:?}");
}

/// A program that reads from a pipe, into which a capture was written that has not ended.
struct Reading {
    child: Child,
    pipe: File,
}

impl Reading {
    /// Reads `before`, the pipe and `after`. Returns when the first record is written.
    fn start(test: &str, after: &[&str]) -> Self {
        let fifo = Path::new(&file(test, "beside", b"")).with_file_name("pipe.pcap");
        let _ = fs::remove_file(&fifo);
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let child = Command::new(binary())
            .args(["pcap", "--json"])
            .arg(&fifo)
            .args(after)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        pipe.write_all(&conversation()).unwrap();
        Self { child, pipe }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until all that was written to the pipe is read, and more is waited for.
    fn wait_until_read(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while rustix::io::ioctl_fionread(&self.pipe).unwrap_or(0) > 0 || !self.waits() {
            assert!(Instant::now() < deadline, "the program does not read its pipe");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the process that reads the pipe sleeps.
    fn waits(&self) -> bool {
        let reader = self.children().first().copied().unwrap_or(self.pid());
        let status = fs::read_to_string(format!("/proc/{reader}/status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("State:\tS"))
    }

    /// The processes that it has forked off.
    fn children(&self) -> Vec<Pid> {
        let pid = self.child.id();
        let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
    }

    fn finish(mut self) -> Run {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        BufReader::new(self.child.stdout.take().unwrap()).read_to_string(&mut stdout).unwrap();
        for line in BufReader::new(self.child.stderr.take().unwrap()).lines() {
            stderr += &(line.unwrap() + "\n");
        }
        let code = self.child.wait().unwrap().code();
        Run { code, stdout, stderr }
    }
}

#[test]
fn a_signal_prints_what_was_found_so_far_and_says_that_it_is_partial() {
    if !ndpi_is_there() {
        return;
    }
    let other = file("stopped", "other.pcap", &conversation());
    for (after, signal, code) in [
        (&[][..], Signal::INT, 130),
        (&[], Signal::TERM, 143),
        (&[&*other, "--threads", "1"], Signal::INT, 130),
        (&[&*other, "--threads", "2"], Signal::INT, 130),
        (&[&*other, "--join"], Signal::INT, 130),
    ] {
        let reading = Reading::start("stopped", after);
        reading.wait_until_read();
        kill_process(reading.pid(), signal).unwrap();
        let run = reading.finish();
        assert_eq!(run.code, Some(code), "{after:?}: {}", run.stderr);
        let name = if signal == Signal::INT { "SIGINT" } else { "SIGTERM" };
        assert!(
            run.stderr.contains(&format!("stopped by {name}: the results are partial")),
            "{}",
            run.stderr
        );
        assert_eq!(
            run.records("flow")[0]["hostname"],
            "www.example.org",
            "{after:?}: {}",
            run.stdout
        );
        let stopped = &run.records("capture")[0];
        assert_eq!(stopped["packets"], 4);
        assert!(stopped["error"].as_str().unwrap().contains("stopped by SIG"), "{stopped}");
    }
}

/// Waits with a deadline: what is tested may never end.
fn ends_in_time(mut child: Child) -> Run {
    let deadline = Instant::now() + Duration::from_mins(1);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the program ignores the signal");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Waits until a process takes SIGINT itself, and sleeps.
fn wait_until_it_listens(child: &Child) {
    const SIGINT: u64 = 1 << 1;
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let value =
            |field| status.lines().find_map(|line| line.strip_prefix(field)).unwrap().trim();
        let caught = u64::from_str_radix(value("SigCgt:"), 16).unwrap();
        if caught & SIGINT != 0 && value("State:").starts_with('S') {
            return;
        }
        assert!(Instant::now() < deadline, "the program takes no signals: {status}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_pipe_that_nobody_writes_to_can_be_left() {
    if !ndpi_is_there() {
        return;
    }
    let fifo = Path::new(&file("silent", "beside", b"")).with_file_name("pipe.pcap");
    let policy = file("silent", "policy.toml", b"default = \"count\"\n");
    let other = file("silent", "other.pcap", &conversation());
    let _ = fs::remove_file(&fifo);
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let pipe = fifo.to_str().unwrap();
    for (arguments, signal, code) in [
        (&["pcap", pipe][..], Signal::INT, 130),
        (&["pcap", pipe], Signal::TERM, 143),
        (&["pcap", "-"], Signal::INT, 130),
        (&["pcap", "--threads", "1", pipe, &other], Signal::INT, 130),
        (&["policy", "explain", &policy, "--capture", pipe], Signal::INT, 130),
    ] {
        let mut child = Command::new(binary())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let silent = child.stdin.take();
        wait_until_it_listens(&child);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let run = ends_in_time(child);
        drop(silent);
        assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("the results are partial"), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.contains("byte 0"), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_process_that_crashes_takes_its_capture_with_it_and_no_other() {
    if !ndpi_is_there() {
        return;
    }
    let other = file("crashed", "other.pcap", &conversation());
    let reading = Reading::start("crashed", &[&other, "--threads", "1"]);
    reading.wait_until_read();
    let [child] = reading.children()[..] else { panic!("one process at a time") };
    kill_process(child, Signal::ABORT).unwrap();
    let run = reading.finish();
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.contains("pipe.pcap: the process that classified it was ended by signal 6"),
        "{}",
        run.stderr
    );
    assert_eq!(captures(&run), ["pipe.pcap", "other.pcap"]);
    let crashed = &run.records("capture")[0];
    assert!(crashed["error"].as_str().unwrap().contains("ended by signal 6"), "{crashed}");
}
