//! As a service that is not root: a user with capabilities, and a BPF file system of his own, as
//! SECURITY.md advises.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;
use testkit::instance::Instance as Running;
use testkit::needs;
use testkit::program::binary;
use testkit::program::{Run, run};
use testkit::sandbox::Sandbox;

use crate::privileges::stranger::NOBODY;
use crate::ready;

const PROGRAMS: [&str; 4] = ["ip", "tc", "nsenter", "setpriv"];

const PINS: &str = "/run/ndpi-xdp.bpf/pins";

/// As root prepares it: the folder for locks (`RuntimeDirectory=`), and a BPF file system in a place
/// where only root can exchange it.
fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    let script = format!(
        "chmod 0755 /run && mkdir /run/ndpi-xdp /run/ndpi-xdp.bpf && chown {NOBODY} /run/ndpi-xdp && \
         mount -t bpf -o mode=0700 bpf /run/ndpi-xdp.bpf && chown {NOBODY} /run/ndpi-xdp.bpf"
    );
    let done = run(sandbox.command("sh").args(["-c", &script]));
    assert_eq!(done.code, Some(0), "{done:#?}");
    sandbox
}

/// `ndpi-xdp ARGUMENTS`, by nobody with these capabilities and no others.
fn service(sandbox: &Sandbox, capabilities: &[&str], arguments: &str) -> Command {
    let given = [&["-all"], capabilities].concat().join(",+");
    let mut command = sandbox.command("setpriv");
    command.arg("--clear-groups");
    command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
    command.args([format!("--inh-caps={given}"), format!("--ambient-caps={given}")]);
    command.args([format!("--bounding-set={given}"), "--no-new-privs".into(), "--".into()]);
    command.arg(binary()).args(arguments.split_whitespace());
    command
}

/// Runs what must end, and would go on for ever if it were not refused.
fn attempt(sandbox: &Sandbox, capabilities: &[&str], arguments: &str) -> Run {
    let mut child = service(sandbox, capabilities, arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    // Over, or to be over at once.
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Starts it with the capabilities of `run`, and stops it.
#[track_caller]
fn assert_runs(sandbox: &Sandbox, more: &[&str], arguments: &str) {
    let capabilities: Vec<_> = RUN.iter().chain(more).copied().collect();
    let arguments = format!("run --json --pin-dir {PINS} {arguments}");
    let mut command = service(sandbox, &capabilities, &arguments);
    let mut instance = Running::start(&mut command, sandbox.folder());
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    assert!(!instance.stderr().contains("denied"), "{}", instance.stderr());
}

/// What every `run` needs.
const RUN: [&str; 3] = ["bpf", "net_admin", "perfmon"];

#[test]
fn each_option_works_with_the_capabilities_that_are_documented_for_it() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = prepared();
    let reject = sandbox.file("reject.toml", "default = \"reject\"\n");
    crate::privileges::stranger::set_mode(&reject, 0o644);
    crate::privileges::stranger::set_mode(sandbox.folder(), 0o755);
    assert_runs(&sandbox, &[], "--iface left");
    assert_runs(&sandbox, &[], "--iface left --mode generic --tunnels");
    assert_runs(&sandbox, &["net_raw"], "--peer left=right --mode generic");
    let joining = format!("run --peer left=right --mode generic --pin-dir {PINS}");
    attempt(&sandbox, &RUN, &joining).assert_failed(1, &["CAP_NET_RAW"]);
    let rejecting = format!("--iface left --policy {}", reject.display());
    assert_runs(&sandbox, &["net_raw"], &rejecting);
    let refused = attempt(&sandbox, &RUN, &format!("run --pin-dir {PINS} {rejecting}"));
    refused.assert_failed(1, &["CAP_NET_RAW"]);
    for missing in RUN {
        let others: Vec<_> = RUN.into_iter().filter(|name| *name != missing).collect();
        let refused = attempt(&sandbox, &others, &format!("run --iface left --pin-dir {PINS}"));
        refused.assert_failed(1, &[&format!("CAP_{}", missing.to_uppercase()), "SECURITY.md"]);
    }
    sandbox.assert_clean();
}

#[test]
fn root_looks_into_what_a_service_has_made() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = prepared();
    let policy = sandbox.file("policy.toml", "default = \"count\"\n");
    crate::privileges::stranger::set_mode(&policy, 0o644);
    crate::privileges::stranger::set_mode(sandbox.folder(), 0o755);
    let arguments =
        format!("run --iface left --json --pin-dir {PINS} --policy {}", policy.display());
    let mut command = service(&sandbox, &RUN, &arguments);
    let mut instance = Running::start(&mut command, sandbox.folder());
    let done = |run: &Run| assert_eq!(run.code, Some(0), "{run:#?}");
    done(&sandbox.run(&format!("verdicts --pin-dir {PINS}")));
    done(&sandbox.run(&format!("policy reload --pin-dir {PINS}")));
    done(&attempt(&sandbox, &["bpf"], &format!("verdicts --pin-dir {PINS}")));
    let held = "is in use by a running ndpi-xdp";
    sandbox.run(&format!("detach --pin-dir {PINS}")).assert_failed(1, &[held]);
    let taken = sandbox.run(&format!("run --iface right --pin-dir {PINS}"));
    taken.assert_failed(1, &[&format!("belongs to user {NOBODY}")]);
    instance.end(Signal::KILL);
    let refused = attempt(&sandbox, &RUN, &format!("detach --pin-dir {PINS}"));
    refused.assert_failed(1, &["CAP_SYS_ADMIN"]);
    let detached = sandbox.run(&format!("detach --pin-dir {PINS}"));
    assert!(detached.stdout.contains("pinned maps"), "{detached:#?}");
    sandbox.assert_clean();
}

#[test]
fn where_nobody_sees_processes_of_others_an_instance_sees_what_its_own_take_of_memory() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = prepared();
    crate::privileges::stranger::set_mode(sandbox.folder(), 0o755);
    // As `ProtectProc=invisible` has it.
    let hide = ["-t", "proc", "-o", "hidepid=invisible", "proc", "/proc"];
    assert_eq!(run(sandbox.command("mount").args(hide)).code, Some(0));
    let by_nobody = ["--reuid=65534", "--clear-groups", "--regid=65534", "test", "-e", "/proc/1"];
    assert_eq!(run(sandbox.command("setpriv").args(by_nobody)).code, Some(1), "it is hidden");
    let arguments = |pins: &str| format!("run --iface left --json --memory-max 1GiB {pins}");
    let by_user = service(&sandbox, &RUN, &arguments(&format!("--pin-dir {PINS}")));
    let mut by_root = sandbox.command(binary().to_str().unwrap());
    by_root.args(arguments("--no-pin").split_whitespace());
    for mut command in [by_user, by_root] {
        let mut instance = Running::start(&mut command, sandbox.folder());
        assert!(!instance.stderr().contains("cannot see"), "{}", instance.stderr());
        assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    }
}

/// What the instance says to its service manager next, beside what it repeats.
fn next_message(manager: &UnixDatagram, repeated: &str) -> String {
    loop {
        let mut message = [0; 64];
        let len = manager.recv(&mut message).unwrap();
        let message = String::from_utf8_lossy(&message[..len]).trim_end().to_owned();
        if message != repeated {
            return message;
        }
    }
}

#[test]
fn a_service_manager_hears_when_it_enforces_goes_on_and_ends() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let socket = sandbox.folder().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = sandbox.command(binary().to_str().unwrap());
    command.args(["run", "--iface", "left", "--json"]);
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "3000000");
    let mut instance = Running::start(&mut command, sandbox.folder());
    assert_eq!(next_message(&manager, ""), "READY=1");
    assert!(!sandbox.attached("left").is_empty());
    for _ in 0..2 {
        assert_eq!(next_message(&manager, ""), "WATCHDOG=1");
    }
    instance.signal(Signal::TERM);
    assert_eq!(next_message(&manager, "WATCHDOG=1"), "STOPPING=1");
    assert!(instance.ended().success(), "{}", instance.stderr());
}

#[test]
fn the_units_for_systemd_are_units() {
    if let Err(missing) = needs::programs(&["systemd-analyze"]) {
        return eprintln!("the units are not verified: {missing}");
    }
    for (file, name) in
        [("ndpi-xdp.service", "ndpi-xdp.service"), ("ndpi-xdp@.service", "ndpi-xdp@lan.service")]
    {
        let (unit, installed) = (unit(file), "/usr/local/bin/ndpi-xdp");
        assert!(unit.contains(&format!("ExecStart={installed} run --keep ")), "{unit}");
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, unit.replace(installed, binary().to_str().unwrap())).unwrap();
        let verified = run(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path));
        assert_eq!(verified.code, Some(0), "{verified:#?}");
        assert!(!verified.stderr.contains(name), "{verified:#?}");
        // What SECURITY.md says, in tenths.
        let arguments = ["security", "--offline=true", "--threshold=22", "--no-pager"];
        let exposed = run(Command::new("systemd-analyze").args(arguments).arg(&path));
        assert_eq!(exposed.code, Some(0), "{exposed:#?}");
    }
}

/// A unit of `contrib`.
fn unit(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/systemd");
    fs::read_to_string(folder.join(file)).unwrap()
}

#[test]
fn the_unit_for_one_of_several_differs_from_that_for_one_by_its_name_alone() {
    let settings = |unit: &str| -> Vec<String> {
        unit.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    let named = unit("ndpi-xdp@.service")
        .replace("ndpi-xdp@%i", "ndpi-xdp")
        .replace("%i.toml", "policy.toml")
        .replace("ndpi-xdp.bpf/%i", "ndpi-xdp.bpf/pins");
    assert!(!named.contains("%i"), "{named}");
    assert_eq!(settings(&named), settings(&unit("ndpi-xdp.service")));
}
