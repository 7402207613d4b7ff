//! Messages in the journal of systemd: with fields where standard error leads there, and as lines where it takes none.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::Signal;
use testkit::instance::Instance;
use testkit::program::{PROGRAMS, binary};
use testkit::sandbox::Sandbox;

use crate::ready;

/// How long a message is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts an instance whose standard error is what systemd says.
fn start(sandbox: &Sandbox) -> Instance {
    let script = format!(
        "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec {} run --iface left --json --instance r1",
        binary().display()
    );
    let mut command = sandbox.command("sh");
    Instance::start(command.args(["-c", &script]), sandbox.folder())
}

/// The messages until one with this in it.
fn until(journal: &UnixDatagram, word: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length = journal.recv(&mut buffer).expect("the message comes");
        let entry = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(entry.starts_with("MESSAGE=") && entry.contains("\nINSTANCE=r1\n"), "{entry}");
        if entry.contains(word) {
            return entry;
        }
    }
}

#[test]
fn messages_have_fields_in_the_journal_and_are_lines_where_it_takes_none() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let made = testkit::program::run(sandbox.command("mkdir").args(["-p", "/run/systemd/journal"]));
    assert_eq!(made.code, Some(0), "{made:#?}");
    let socket = sandbox.run_folder().join("systemd/journal/socket");
    let journal = UnixDatagram::bind(&socket).unwrap();
    journal.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut instance = start(&sandbox);
    let on = until(&journal, "MESSAGE=attached to left");
    assert!(on.contains("\nPRIORITY=6\n"), "{on}");
    assert!(!instance.stderr().contains("attached to"), "{}", instance.stderr());

    sandbox.ip("link del right");
    let off = until(&journal, "MESSAGE=left is gone");
    for field in ["PRIORITY=4", "INTERFACE=left", "MESSAGE_ID=cccd28847c7f432991cb2f701058f9ad"] {
        assert!(off.contains(&format!("\n{field}\n")), "{field}: {off}");
    }

    drop(journal);
    sandbox.ip("link add left type veth peer name right");
    instance.wait_to_say("attached again to left");

    // The journal is there again.
    std::fs::remove_file(&socket).unwrap();
    let journal = UnixDatagram::bind(&socket).unwrap();
    journal.set_read_timeout(Some(PATIENCE)).unwrap();
    sandbox.ip("link del right");
    until(&journal, "MESSAGE=left is gone");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}
