//! Pins, the folder that they are in, and the lock on it: what strangers put there, and other names of
//! the same folder.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use testkit::program::{Run, run};
use testkit::sandbox::Sandbox;

use crate::privileges::stranger::{as_nobody, set_mode};
use crate::ready;

const PROGRAMS: [&str; 5] = ["bpftool", "ip", "tc", "nsenter", "setpriv"];

/// Where everybody may make files in a sandbox, as the kernel mounts it by default.
const BPFFS: &str = "/sys/fs/bpf";
const PINS: &str = "/sys/fs/bpf/ndpi-xdp";

/// Runs a script of the shell inside, which must succeed; what it says.
fn shell(sandbox: &Sandbox, script: &str) -> String {
    let done = run(sandbox.command("sh").args(["-c", script]));
    assert_eq!(done.code, Some(0), "{script}: {done:#?}");
    done.stdout
}

/// The same by nobody.
fn nobody(sandbox: &Sandbox, script: &str) {
    let done = run(as_nobody(sandbox, Path::new("sh")).args(["-c", script]));
    assert_eq!(done.code, Some(0), "{script}: {done:#?}");
}

/// Runs what must be refused, and would go on for ever if it were not.
fn attempt(sandbox: &Sandbox, arguments: &str) -> Run {
    sandbox.run_with(&["timeout", "20"], arguments)
}

/// Every command that opens the folder must refuse it.
fn assert_refused(sandbox: &Sandbox, pins: &str, why: &str) {
    for command in ["run --iface left", "status", "verdicts", "detach", "policy reload"] {
        attempt(sandbox, &format!("{command} --pin-dir {pins}")).assert_failed(1, &[pins, why]);
    }
}

#[test]
fn only_root_may_look_into_a_bpf_file_system_that_is_mounted_here() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::without_bpffs();
    let without = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"];
    let refused = sandbox.run_with(&without, "run --iface left");
    refused.assert_failed(1, &["mount -t bpf -o mode=0700 bpf /sys/fs/bpf"]);
    let mut instance = sandbox.start("run --iface left --json");
    // The kernel adds the sticky bit.
    assert_eq!(shell(&sandbox, "stat -c %a /sys/fs/bpf"), "1700\n");
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
}

#[test]
fn a_folder_that_a_stranger_made_first_is_refused() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    nobody(&sandbox, &format!("mkdir {PINS} {BPFFS}/above && mkdir {BPFFS}/above/x"));
    assert_refused(&sandbox, PINS, "belongs to user 65534");
    assert_refused(&sandbox, &format!("{BPFFS}/above/x"), "belongs to user 65534");
    shell(&sandbox, &format!("mkdir -m 0777 {BPFFS}/open"));
    assert_refused(&sandbox, &format!("{BPFFS}/open"), "can be written to by others");
    sandbox.assert_clean();
}

#[test]
fn a_link_that_a_stranger_made_leads_nowhere() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let map = "type array key 4 value 4 entries 1 name precious";
    shell(&sandbox, &format!("mkdir {BPFFS}/root && bpftool map create {BPFFS}/root/STATS {map}"));
    nobody(&sandbox, &format!("ln -s root {PINS} && ln -s . {BPFFS}/way"));
    assert_refused(&sandbox, PINS, "is a symbolic link");
    assert_refused(&sandbox, &format!("{BPFFS}/way/root"), "is a symbolic link");
    shell(&sandbox, &format!("test -e {BPFFS}/root/STATS"));
}

#[test]
fn pins_that_were_exchanged_are_not_read() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json");
    let mut pins = sandbox.pinned();
    pins.retain(|pin| pin != "links");
    assert!(pins.len() > 10, "{pins:?}");
    let aside = format!("{BPFFS}/aside");
    for pin in &pins {
        let at = format!("{PINS}/{pin}");
        let shown = shell(&sandbox, &format!("bpftool --json map show pinned {at}"));
        let shown: Value = serde_json::from_str(&shown).unwrap();
        for (as_it_was, what) in exchanges(&shown) {
            let create = format!("mv {at} {aside} && bpftool map create {at} {as_it_was} name x");
            let done = run(sandbox.command("sh").args(["-c", &create]));
            if done.code == Some(0) {
                let read = sandbox.run("verdicts");
                read.assert_failed(1, &[pin, what]);
                shell(&sandbox, &format!("rm {at}"));
            }
            shell(&sandbox, &format!("mv {aside} {at}"));
        }
    }
    // What is no map at all.
    shell(&sandbox, &format!("mv {PINS}/INSTANCE {aside} && mkdir {PINS}/INSTANCE"));
    sandbox.run("verdicts").assert_failed(1, &["INSTANCE"]);
    shell(&sandbox, &format!("rmdir {PINS}/INSTANCE && mv {aside} {PINS}/INSTANCE"));
    assert_eq!(sandbox.run("verdicts").code, Some(0));
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

/// Maps to put in the place of one that bpftool has shown, and the word for how they differ.
fn exchanges(shown: &Value) -> Vec<(String, &'static str)> {
    let number = |name: &str| shown[name].as_u64().unwrap();
    let (key, value) = (number("bytes_key"), number("bytes_value"));
    let (entries, flags) = (number("max_entries"), number("flags"));
    let kind = shown["type"].as_str().unwrap();
    // Where there is one of each CPU, a look-up fills in that many values.
    let (other, other_flags) = match kind {
        "hash" => ("percpu_hash", flags),
        "lru_hash" => ("lru_percpu_hash", flags),
        "array" => ("percpu_array", flags),
        "percpu_array" => ("array", flags),
        _ => ("hash", 0),
    };
    let map = |kind: &str, key: u64, value: u64, entries: u64, flags: u64| {
        format!("type {kind} key {key} value {value} entries {entries} flags {flags}")
    };
    let mut exchanges = vec![(map(other, key, value, entries, other_flags), "type")];
    if ["hash", "lru_hash", "array", "percpu_array"].contains(&kind) {
        exchanges.push((map(kind, key, value + 8, entries, flags), "value"));
    }
    // Entries of these are the program's own; those of others are chosen by options.
    match shown["name"].as_str().unwrap() {
        "SERVERS" | "INTERFACES" | "LOST" | "STATS" => {
            exchanges.push((map(kind, key, value, entries + 1, flags), "entries"));
        }
        // Allocated when needed (`BPF_F_NO_PREALLOC`), or not.
        "VERDICTS_V4" | "VERDICTS_V6" => {
            exchanges.push((map(kind, key, value, entries, flags ^ 1), "flags"));
        }
        _ => {}
    }
    exchanges
}

#[test]
fn one_folder_has_one_lock_by_all_its_names() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let policy = sandbox.file("policy.toml", "default = \"count\"\n");
    let mut instance =
        sandbox.start(&format!("run --iface left --json --policy {}", policy.display()));
    let pinned = sandbox.pinned();
    let (link, bound) = (sandbox.folder().join("link"), sandbox.folder().join("bound"));
    symlink(BPFFS, &link).unwrap();
    fs::create_dir(&bound).unwrap();
    shell(&sandbox, &format!("mount --bind {BPFFS} {}", bound.display()));
    let names = [
        "/sys/fs/bpf/./ndpi-xdp".to_owned(),
        "//sys/fs//bpf/ndpi-xdp/".to_owned(),
        "/sys/fs/bpf/../bpf/ndpi-xdp".to_owned(),
        format!("{}/ndpi-xdp", link.display()),
        format!("{}/ndpi-xdp", bound.display()),
    ];
    for name in &names {
        for command in ["run --iface right", "detach"] {
            let refused = attempt(&sandbox, &format!("{command} --pin-dir {name}"));
            refused.assert_failed(1, &["is in use by a running ndpi-xdp"]);
        }
        for command in ["verdicts", "policy reload"] {
            let done = sandbox.run(&format!("{command} --pin-dir {name}"));
            assert_eq!(done.code, Some(0), "{name}: {done:#?}");
        }
    }
    assert_eq!(sandbox.pinned(), pinned);
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

#[test]
fn an_ordinary_folder_keeps_its_files_and_its_mode() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let folder = sandbox.folder().join("data");
    fs::create_dir(&folder).unwrap();
    for mode in [0o755, 0o777] {
        for file in ["STATS", "INSTANCE", "other"] {
            fs::write(folder.join(file), "mine").unwrap();
            set_mode(&folder.join(file), 0o644);
        }
        set_mode(&folder, mode);
        for command in ["run --iface left", "detach", "verdicts"] {
            let refused = attempt(&sandbox, &format!("{command} --pin-dir {}", folder.display()));
            refused.assert_failed(1, &["is not on a BPF file system"]);
        }
        for file in ["STATS", "INSTANCE", "other"] {
            assert_eq!(fs::read_to_string(folder.join(file)).unwrap(), "mine");
            assert_eq!(fs::metadata(folder.join(file)).unwrap().mode() & 0o777, 0o644);
        }
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, mode);
    }
    let below = folder.join("a/b");
    let refused = attempt(&sandbox, &format!("run --iface left --pin-dir {}", below.display()));
    refused.assert_failed(1, &["is not on a BPF file system"]);
    assert!(!folder.join("a").exists());
    // Such a file system has names of its own kind.
    for below in ["/sys/fs/bpf/ndpi.test", "/sys/fs/bpf/ndpi-test/a.b/c"] {
        let refused = attempt(&sandbox, &format!("run --iface left --pin-dir {below}"));
        refused.assert_failed(1, &["takes no dots in names", "choose another name"]);
    }
    assert!(!Path::new("/sys/fs/bpf/ndpi-test").exists());
    sandbox.assert_clean();
}

#[test]
fn folders_that_were_made_for_the_pins_go_with_them() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    shell(&sandbox, &format!("mkdir {BPFFS}/mine"));
    let before = shell(&sandbox, &format!("ls -R {BPFFS}"));
    let pins = format!("--pin-dir {BPFFS}/mine/a/b");
    attempt(&sandbox, &format!("run --iface nowhere {pins}")).assert_failed(1, &["nowhere"]);
    assert_eq!(shell(&sandbox, &format!("ls -R {BPFFS}")), before);
    let mut instance = sandbox.start(&format!("run --iface left --json {pins}"));
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    assert_eq!(shell(&sandbox, &format!("ls -R {BPFFS}")), before);
}
