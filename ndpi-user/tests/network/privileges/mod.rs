//! Messages of `ndpi-xdp run` and `replay` where rights, the BPF file system or nDPI are missing.

mod confined;
mod library;
mod pins;
mod service;
mod stranger;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rustix::process::Signal;
use testkit::program::binary;
use testkit::program::run;
use testkit::sandbox::Sandbox;

use crate::ready;

const PROGRAMS: [&str; 4] = ["ip", "tc", "nsenter", "setpriv"];

#[test]
fn each_missing_capability_is_named() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    for (dropped, named) in [
        ("-net_admin", "CAP_NET_ADMIN"),
        // CAP_SYS_ADMIN stands in for these two.
        ("-bpf,-sys_admin", "CAP_BPF"),
        ("-perfmon,-sys_admin", "CAP_PERFMON"),
    ] {
        let bounding = format!("--bounding-set={dropped}");
        for command in ["run --iface left", "replay /nowhere.pcap"] {
            let run = sandbox.run_with(&["setpriv", &bounding, "--inh-caps=-all"], command);
            run.assert_failed(1, &[named, "sudo"]);
        }
    }
    sandbox.assert_clean();
}

/// The program, as somebody without rights would start it.
fn ordinary_user(sandbox: &Sandbox) -> Command {
    // Where everybody may read it, whatever the folder of the checkout allows.
    let program = sandbox.folder().join("ndpi-xdp");
    // By another process: were it open for writing here, a child that another test starts meanwhile
    // would keep it so, and it could not be run.
    assert!(sandbox.command("cp").arg(binary()).arg(&program).status().unwrap().success());
    for path in [sandbox.folder(), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = sandbox.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    // Rights come first: whatever else may be missing, nothing works without them.
    command.env("NDPI_LIBRARY", "/nowhere");
    command
}

#[test]
fn an_ordinary_user_is_told_what_to_do() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    run(ordinary_user(&sandbox).args(["run", "--iface", "left"]))
        .assert_failed(1, &["CAP_NET_ADMIN", "CAP_BPF", "sudo"]);
    sandbox.assert_clean();
}

#[test]
fn an_ordinary_user_cannot_tell_an_instance_what_to_do() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json");
    run(ordinary_user(&sandbox).args(["policy", "reload"]))
        .assert_failed(1, &["only root and its own user", "sudo"]);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn the_bpf_file_system_is_mounted_where_it_is_not() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::without_bpffs();
    let mut instance = sandbox.start("run --iface left --json");
    instance.wait_to_say("mounted the BPF file system at /sys/fs/bpf");
    assert!(sandbox.pinned().contains(&"VERDICTS_V4".to_owned()));
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

#[test]
fn no_ndpi_and_the_wrong_one_are_refused() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let run = sandbox.run("run --iface left --ndpi-library /nowhere/libndpi.so.5");
    run.assert_failed(1, &["/nowhere/libndpi.so.5", "--ndpi-library"]);
    // A library, but of something else.
    let run = sandbox.run("run --iface left --ndpi-library libc.so.6");
    run.assert_failed(1, &["libc.so.6", "ndpi_", "--ndpi-library"]);
    let text = sandbox.file("libndpi.so.5", "not a library");
    let run = sandbox.run(&format!("run --iface left --ndpi-library {}", text.display()));
    run.assert_failed(1, &[&text.display().to_string()]);
    sandbox.assert_clean();
}
