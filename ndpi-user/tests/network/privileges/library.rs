//! Whose code runs as nDPI: never that of somebody who has fewer rights than the program.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::thread::CapabilitySet;
use testkit::places::ndpi_library;
use testkit::program::binary;
use testkit::program::{Run, run};
use testkit::sandbox::Sandbox;

use crate::privileges::stranger::{
    as_nobody, copy, folder, give_to_nobody, hostile_library, program, set_capabilities_of,
    set_mode,
};
use crate::ready;

const PROGRAMS: [&str; 4] = ["cc", "ip", "nsenter", "setpriv"];

const SONAME: &str = "libndpi.so.5";

/// A library that leaves a mark when it is loaded, in a folder for all.
fn hostile(sandbox: &Sandbox, place: &str) -> (PathBuf, PathBuf) {
    let (place, marks) = (folder(sandbox, place), folder(sandbox, "marks"));
    set_mode(&marks, 0o777);
    let (library, mark) = (place.join(SONAME), marks.join("loaded"));
    hostile_library(&library, &mark);
    (library, mark)
}

/// Runs `PROGRAM list protocols`, which does nothing but load nDPI and ask it.
fn list(command: &mut Command) -> Run {
    run(command.env_remove("NDPI_LIBRARY").args(["list", "protocols"]))
}

/// Copies nDPI into a folder: the library, and the engine that it needs.
fn install(sandbox: &Sandbox, place: &str) -> PathBuf {
    let (place, made) = (folder(sandbox, place), ndpi_library());
    for file in [SONAME, "_lib_engine.abi3.so"] {
        let from = made.with_file_name(file);
        if from.exists() {
            copy(sandbox, &from, &place.join(file));
            set_mode(&place.join(file), 0o644);
        }
    }
    place
}

#[test]
fn file_capabilities_do_not_run_the_code_of_their_caller() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (library, mark) = hostile(&sandbox, "mallory/lib");
    give_to_nobody(library.parent().unwrap());
    let program = program(&sandbox, "mallory/bin/ndpi-xdp");
    let needed = CapabilitySet::BPF | CapabilitySet::NET_ADMIN | CapabilitySet::PERFMON;
    set_capabilities_of(&program, needed);
    let named = library.to_str().unwrap();
    let refused = |run: Run| {
        run.assert_failed(1, &[named, "rights that its caller lacks"]);
        assert!(!mark.exists(), "the library was loaded: {run:#?}");
    };
    let nobody = || as_nobody(&sandbox, &program);
    refused(run(nobody().args(["list", "protocols", "--ndpi-library", named])));
    refused(run(nobody().args(["run", "--iface", "left"]).env("NDPI_LIBRARY", named)));
    // Neither named nor beside the program, in a folder that looks like an installed one.
    let beside = list(&mut nobody());
    assert!(beside.code.is_some() && !mark.exists(), "{beside:#?}");
    // An empty variable names nothing.
    let empty = run(nobody().args(["list", "protocols"]).env("NDPI_LIBRARY", ""));
    assert!(!empty.stderr.contains("caller lacks") && !mark.exists(), "{empty:#?}");
    sandbox.assert_clean();
}

#[test]
fn a_set_user_id_program_reads_nothing_for_its_caller() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let program = program(&sandbox, "bin/ndpi-xdp");
    let secret = sandbox.file("secret", "hidden = \"from others\"\n");
    set_mode(&secret, 0o600);
    for bit in [0o4755, 0o2755] {
        set_mode(&program, bit);
        let check = run(as_nobody(&sandbox, &program).args(["policy", "check"]).arg(&secret));
        check.assert_failed(1, &["set-user-id or set-group-id"]);
        assert!(!check.stderr.contains("hidden") && !check.stdout.contains("hidden"), "{check:#?}");
    }
}

#[test]
fn capabilities_of_the_file_beyond_those_needed_are_given_up() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let program = program(&sandbox, "opt/bin/ndpi-xdp");
    install(&sandbox, "opt/lib");
    set_capabilities_of(&program, CapabilitySet::DAC_OVERRIDE | CapabilitySet::BPF);
    let secret = sandbox.file("secret", "hidden = \"from others\"\n");
    set_mode(&secret, 0o600);
    let mut check = as_nobody(&sandbox, &program);
    check.args(["policy", "check"]).arg(&secret).env_remove("NDPI_LIBRARY");
    let check = run(&mut check);
    assert!(!check.stderr.contains("hidden") && !check.stdout.contains("hidden"), "{check:#?}");
}

#[test]
fn neighbours_of_a_program_that_is_not_installed_are_not_loaded() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let program = program(&sandbox, "X/ndpi-xdp");
    for place in ["lib", "lib/ndpi-xdp", "ndpi"] {
        let (_, mark) = hostile(&sandbox, place);
        let list = list(&mut sandbox.command(program.to_str().unwrap()));
        assert!(!mark.exists(), "loaded from {place}: {list:#?}");
    }
}

#[test]
fn an_installed_library_is_loaded_unless_others_can_write_on_the_way_to_it() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let program = program(&sandbox, "opt/bin/ndpi-xdp");
    let place = install(&sandbox, "opt/lib/ndpi-xdp");
    let list = || list(&mut sandbox.command(program.to_str().unwrap()));
    assert!(list().stdout.contains("Facebook"), "{:#?}", list());
    let library = place.join(SONAME);
    let path = |up: usize| library.ancestors().nth(up).unwrap().to_owned();
    for (part, right) in [(path(0), 0o644), (path(1), 0o755), (path(2), 0o755), (path(3), 0o755)] {
        set_mode(&part, right | 0o002);
        list().assert_failed(1, &[&part.display().to_string(), "can write to"]);
        set_mode(&part, right);
        give_to_nobody(&part);
        list().assert_failed(1, &[&part.display().to_string(), "belongs to user 65534"]);
        std::os::unix::fs::chown(&part, Some(0), Some(0)).unwrap();
    }
    assert!(list().stdout.contains("Facebook"), "{:#?}", list());
}

#[test]
fn the_library_is_found_in_the_systems_folders_and_without_proc() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let anywhere = program(&sandbox, "anywhere/ndpi-xdp");
    let beside = program(&sandbox, "opt/bin/ndpi-xdp");
    let place = install(&sandbox, "opt/lib");
    let multiarch = format!("/usr/local/lib/{}-linux-gnu", std::env::consts::ARCH);
    for (program, folder) in [
        (&beside, "/usr/local/lib/none"),
        (&anywhere, "/usr/local/lib/ndpi-xdp"),
        (&anywhere, multiarch.as_str()),
    ] {
        // `/usr/local/lib` and `/proc` as on a machine of its own.
        let copy = if program == &beside { "" } else { "cp $1/* $0 &&" };
        let script = format!(
            "mount -t tmpfs -o mode=0755 none /usr/local/lib && mkdir -p $0 && {copy} \
             mount -t tmpfs none /proc && exec $2 list protocols"
        );
        let mut command = sandbox.command("unshare");
        command.args(["--mount", "--propagation", "private", "--", "sh", "-c", &script, folder]);
        let found = run(command.args([&place, program]).env_remove("NDPI_LIBRARY"));
        assert!(found.stdout.contains("Facebook"), "{folder}: {found:#?}");
    }
}

#[test]
fn a_bare_name_is_the_loaders_and_not_a_file_of_the_working_directory() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (library, mark) = hostile(&sandbox, "mallory");
    let list = |named: &Path| {
        let mut command = sandbox.command("env");
        command.arg("-C").arg(library.parent().unwrap()).arg(binary());
        run(command.args(["list", "protocols", "--ndpi-library"]).arg(named))
    };
    let bare = list(SONAME.as_ref());
    assert!(!mark.exists(), "{bare:#?}");
    list(&Path::new(".").join(SONAME)).assert_failed(1, &[SONAME, "ndpi_"]);
    assert!(mark.exists(), "a path names a file");
}
