//! Readings that fare as the policy says.

use std::cell::Cell;
use std::fs;
use std::hint::black_box;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use ndpi_labels::Recorded;
use ndpi_policy::{Files, InForce, Outcome, Support, Vocabulary, hand_over, read};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use testkit::wait_until;

use super::{Bounds, PolicyReader};
use crate::locked::locked;

/// Does what the first line of a policy says, before it is read.
fn obey(text: &str, path: &Path, files: &dyn Files) -> bool {
    match text.lines().next().unwrap_or_default() {
        "# abort" => std::process::abort(),
        "# panic" => panic!("as it was asked to"),
        "# spin" => loop {
            black_box(());
        },
        "# wait" => thread::sleep(Duration::from_mins(10)),
        "# eat" => drop(black_box(vec![1_u8; 1 << 30])),
        "# open" => assert!(fs::read("/etc/passwd").is_err() && fs::read(path).is_err()),
        "# write" => assert!(fs::write(path.with_file_name("new"), "x").is_err()),
        "# connect" => assert!(TcpListener::bind("127.0.0.1:0").is_err()),
        "# execute" => assert!(Command::new("/bin/true").status().is_err()),
        // Where it is told what to read, and what is closed with it.
        "# look" => assert_eq!((3..256).filter(|&number| is_open(number)).count(), 2),
        // Half of a file is not received.
        "# leave" => drop(files.read(&path.with_file_name("list"), 1)),
        "# lie" => return true,
        _ => {}
    }
    false
}

fn is_open(number: i32) -> bool {
    // SAFETY: asks for flags of a descriptor, which may be none.
    unsafe { libc::fcntl(number, libc::F_GETFD) != -1 }
}

fn vocabulary() -> Vocabulary {
    Vocabulary::of(&Recorded::ndpi_5_0())
}

fn work(
    path: &Path,
    before: Option<&InForce>,
    files: &dyn Files,
    to: &mut Vec<u8>,
) -> io::Result<()> {
    let text = files.read(path, 1 << 20);
    if text.is_ok_and(|text| obey(&String::from_utf8_lossy(&text), path, files)) {
        to.extend(b"a policy");
        return Ok(());
    }
    hand_over(&read(path, before, &vocabulary(), Support::THIS_BUILD, files), to)
}

fn on_disk(path: &Path, _: u64) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// Held by a test that forks, and by one that reads policies itself: what a thread has locked meanwhile, as time zones,
/// would stay locked in a process that is forked.
static ALONE: Mutex<()> = Mutex::new(());

/// Has policies read by others. What is read at first use is read before, as another test may be about to.
fn fork(bounds: Bounds) -> PolicyReader {
    let _alone = locked(&ALONE);
    let zoned = "[[rule]]\napp = \"TLS\"\nschedule = { days = \"mon\", zone = \"UTC\" }\naction = \"drop\"\n";
    let files = |_: &Path, _: u64| Ok(zoned.as_bytes().to_vec());
    let read = read("policy".as_ref(), None, &vocabulary(), Support::THIS_BUILD, &files);
    hand_over(&read, &mut Vec::new()).unwrap();
    PolicyReader::fork(bounds, &work).unwrap()
}

/// Rules by their names, or what is wrong.
fn names(outcome: Outcome) -> Result<Vec<String>, String> {
    let policy = outcome.map(|read| read.index(&vocabulary()));
    let policy = policy.map_err(|problems| problems.to_string())?;
    Ok(policy.rules().iter().map(|rule| rule.name.clone()).collect())
}

const POLICY: &str = "[[rule]]\nname = \"one\"\nhost = { file = \"list\" }\naction = \"drop\"\n";

#[test]
fn whoever_reads_a_policy_may_die_hang_eat_or_lie_and_the_next_is_read_all_the_same() {
    let bounds = Bounds { cpu_seconds: 1, memory: 512 << 20, time: Duration::from_secs(2) };
    let reader = fork(bounds);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy");
    fs::write(folder.path().join("list"), "example.org\n".repeat(100_000)).unwrap();
    let read = |first: &str| {
        fs::write(&path, format!("# {first}\n{POLICY}")).unwrap();
        reader.read(&path, None, &on_disk).map(|outcome| names(outcome).unwrap())
    };
    let refused = [
        ("abort", "memory"),
        ("panic", "a fault of ndpi-xdp"),
        ("spin", "processor time"),
        ("wait", "longer"),
        ("eat", "memory"),
        ("lie", "no policy"),
    ];
    for (first, why) in refused {
        let error = read(first).unwrap_err();
        assert!(error.contains(why), "{first}: {error}");
        assert_eq!(read("nothing"), Ok(vec!["one".to_owned()]), "after {first}");
    }
}

#[test]
fn whoever_reads_a_policy_opens_no_file_and_no_socket_and_starts_nothing() {
    let tried = Tried::new();
    for _ in 0..2 {
        for what in ["open", "write", "connect", "execute", "look", "leave"] {
            tried.write(what);
            assert_eq!(tried.read(&on_disk), Ok(vec!["one".to_owned()]), "{what}");
        }
        // Nor does one that is forked by what was the spare.
        tried.end_first();
    }
}

#[test]
fn a_policy_is_the_same_whoever_reads_it() {
    let reader = fork(Bounds::beside(None));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy");
    let zone = "schedule = { days = \"mon\", zone = \"europe/berlin\" }";
    let zoned = |zone| format!("[[rule]]\napp = \"TLS\"\n{zone}\naction = \"drop\"\n");
    let texts = [
        ndpi_policy::EXAMPLE.to_owned(),
        POLICY.to_owned(),
        zoned(zone),
        zoned("schedule = { hours = \"08:00-18:00\" }"),
        zoned(&zone.replace("berlin", "berlim")),
        "rule = 1\nx = [".to_owned(),
        String::new(),
    ];
    let list = folder.path().join("list");
    fs::write(&list, "example.org\n").unwrap();
    fs::write(&path, POLICY).unwrap();
    let before = read(&path, None, &vocabulary(), Support::THIS_BUILD, &on_disk).unwrap();
    let before = InForce::of(&before.index(&vocabulary()));
    fs::write(&list, "").unwrap();
    for text in texts {
        fs::write(&path, &text).unwrap();
        for before in [None, Some(before.clone())] {
            let alone = locked(&ALONE);
            let here = read(&path, before.as_ref(), &vocabulary(), Support::THIS_BUILD, &on_disk);
            drop(alone);
            let apart = reader.read(&path, before, &on_disk).unwrap();
            assert_eq!(format!("{apart:?}"), format!("{here:?}"), "{text}");
        }
    }
    fs::remove_file(&path).unwrap();
    let missing = names(reader.read(&path, None, &on_disk).unwrap()).unwrap_err();
    assert!(missing.contains("ndpi-xdp policy example"), "{missing}");
}

/// A policy, and who reads it.
struct Tried {
    reader: PolicyReader,
    folder: tempfile::TempDir,
}

impl Tried {
    /// The policy is [`POLICY`].
    fn new() -> Self {
        let reader = fork(Bounds::beside(None));
        reader.watch().unwrap();
        let tried = Self { reader, folder: tempfile::tempdir().unwrap() };
        fs::write(tried.folder.path().join("list"), "example.org\n").unwrap();
        tried.write("nothing");
        tried
    }

    /// Has the policy begin with that.
    fn write(&self, first: &str) {
        let text = format!("# {first}\n{POLICY}");
        fs::write(self.folder.path().join("policy"), text).unwrap();
    }

    /// The rules of the policy, with its files read by `files`.
    fn read(&self, files: &dyn Files) -> Result<Vec<String>, String> {
        let path = self.folder.path().join("policy");
        self.reader.read(&path, None, files).map(|outcome| names(outcome).unwrap())
    }

    /// Whoever forks those which read, if there is one, and its spare.
    fn now(&self) -> Option<[Pid; 2]> {
        let [first, spare] = self.reader.processes().now();
        let pid = |number: u32| Pid::from_raw(number.cast_signed());
        Some([pid(first)?, pid(spare)?])
    }

    /// Those, when both are there.
    fn both(&self) -> [Pid; 2] {
        wait_until(|| self.now().is_some_and(|both| both.into_iter().all(is_there)));
        self.now().unwrap()
    }

    /// Ends the first, and has the spare in its place.
    fn end_first(&self) {
        let [first, spare] = self.both();
        end(first);
        wait_until(|| self.both()[0] == spare);
    }

    /// Ends whoever has it read while it does, so many times.
    fn read_ending(&self, times: usize) -> Result<Vec<String>, String> {
        let left = Cell::new(times);
        let files = |path: &Path, longest| {
            if path.ends_with("list")
                && let Some(fewer) = left.get().checked_sub(1)
            {
                left.set(fewer);
                end(self.now().expect("it has said so")[0]);
            }
            on_disk(path, longest)
        };
        let read = self.read(&files);
        assert_eq!(left.get(), 0, "it was ended in the middle");
        read
    }
}

/// Ends a process, which is gone then.
fn end(process: Pid) {
    kill_process(process, Signal::KILL).unwrap();
    wait_until(|| !is_there(process));
}

fn is_there(process: Pid) -> bool {
    test_kill_process(process).is_ok()
}

#[test]
fn where_whoever_has_policies_read_is_ended_between_them_its_spare_goes_on() {
    let tried = Tried::new();
    for _ in 0..3 {
        let [first, spare] = tried.both();
        end(first);
        assert_eq!(tried.read(&on_disk), Ok(vec!["one".to_owned()]));
        let [successor, another] = tried.both();
        assert!(successor == spare && another != first, "{another:?}");
    }
}

#[test]
fn a_policy_is_read_though_whoever_has_it_read_is_ended_in_the_middle() {
    let tried = Tried::new();
    for times in 0..3 {
        assert_eq!(tried.read_ending(times), Ok(vec!["one".to_owned()]), "ended {times} times");
    }
    // There is an end to it, which is not that of the next one.
    let error = tried.read_ending(5).unwrap_err();
    assert!(error.contains("was ended 5 times meanwhile"), "{error}");
    assert_eq!(tried.read(&on_disk), Ok(vec!["one".to_owned()]));
}

#[test]
fn a_spare_that_is_ended_has_another_in_its_place() {
    let tried = Tried::new();
    for _ in 0..3 {
        let [first, spare] = tried.both();
        end(spare);
        wait_until(|| tried.both()[1] != spare);
        assert_eq!(tried.both()[0], first);
    }
    tried.end_first();
    assert_eq!(tried.read(&on_disk), Ok(vec!["one".to_owned()]));
}

#[test]
fn a_spare_may_do_and_take_no_more_than_whoever_it_waits_for() {
    let tried = Tried::new();
    let names = |both: [Pid; 2]| both.map(|it| of(it, "comm"));
    for _ in 0..2 {
        let both = tried.both();
        wait_until(|| names(both) == ["ndpi-policies\n", "ndpi-pol-spare\n"]);
        let [first, spare] = both.map(|it| {
            let status = of(it, "status");
            let rights = ["Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp"];
            let status = status.lines().filter(|it| rights.iter().any(|of| it.starts_with(of)));
            (status.map(str::to_owned).collect::<Vec<_>>(), of(it, "limits"))
        });
        assert_eq!(first, spare);
        assert!(spare.0.contains(&"Seccomp:\t2".to_owned()), "{spare:?}");
        let limit = (2_u64 << 30).to_string();
        assert!(spare.1.lines().any(|it| it.starts_with("Max data size") && it.contains(&limit)));
        tried.end_first();
    }
}

/// What the kernel says of a process.
fn of(process: Pid, what: &str) -> String {
    fs::read_to_string(format!("/proc/{}/{what}", process.as_raw_nonzero())).unwrap()
}

#[test]
fn where_nobody_is_left_to_read_it_a_policy_is_refused() {
    let tried = Tried::new();
    let both = tried.both();
    // In turn, the one that is left would have another at once.
    for signal in [Signal::STOP, Signal::KILL] {
        for process in both {
            kill_process(process, signal).unwrap();
        }
    }
    for _ in 0..2 {
        let error = tried.read(&on_disk).unwrap_err();
        assert!(error.contains("is gone: start ndpi-xdp again"), "{error}");
    }
}

#[test]
fn with_the_reader_all_its_processes_are_gone_whoever_waits_for_them() {
    for watched in [false, true] {
        let reader = fork(Bounds::beside(None));
        let tried = Tried { reader, folder: tempfile::tempdir().unwrap() };
        if watched {
            tried.reader.watch().unwrap();
        }
        let both = tried.both();
        drop(tried);
        assert!(!both.into_iter().any(is_there), "watched: {watched}");
    }
}
