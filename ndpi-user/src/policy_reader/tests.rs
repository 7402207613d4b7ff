//! Readings that fare as the policy says.

use std::fs;
use std::hint::black_box;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use ndpi_labels::Recorded;
use ndpi_policy::{Files, InForce, Outcome, Support, Vocabulary, hand_over, read};
use rustix::process::{Signal, kill_process};

use super::{Bounds, PolicyReader};

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
        // Half of a file is not received.
        "# leave" => drop(files.read(&path.with_file_name("list"), 1)),
        "# lie" => return true,
        _ => {}
    }
    false
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
    let reader = PolicyReader::fork(bounds, &work).unwrap();
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
    let reader = PolicyReader::fork(Bounds::beside(None), &work).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy");
    fs::write(folder.path().join("list"), "example.org\n").unwrap();
    for tried in ["open", "write", "connect", "execute", "leave"] {
        fs::write(&path, format!("# {tried}\n{POLICY}")).unwrap();
        let read = reader.read(&path, None, &on_disk).map(names);
        assert_eq!(read, Ok(Ok(vec!["one".to_owned()])), "{tried}");
    }
}

#[test]
fn a_policy_is_the_same_whoever_reads_it() {
    let reader = PolicyReader::fork(Bounds::beside(None), &work).unwrap();
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
            let here = read(&path, before.as_ref(), &vocabulary(), Support::THIS_BUILD, &on_disk);
            let apart = reader.read(&path, before, &on_disk).unwrap();
            assert_eq!(format!("{apart:?}"), format!("{here:?}"), "{text}");
        }
    }
    fs::remove_file(&path).unwrap();
    let missing = names(reader.read(&path, None, &on_disk).unwrap()).unwrap_err();
    assert!(missing.contains("ndpi-xdp policy example"), "{missing}");
}

#[test]
fn where_nobody_is_left_to_read_it_a_policy_is_refused() {
    let reader = PolicyReader::fork(Bounds::beside(None), &work).unwrap();
    kill_process(reader.process, Signal::KILL).unwrap();
    for _ in 0..2 {
        let error = reader.read("policy".as_ref(), None, &on_disk).unwrap_err();
        assert!(error.contains("is gone: start ndpi-xdp again"), "{error}");
    }
}
