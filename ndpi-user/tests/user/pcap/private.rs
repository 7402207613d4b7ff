//! Messages under sudo about files that its caller may not read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use testkit::program::{binary, file};

use crate::ndpi_is_there;

/// A user who has no files.
const STRANGER: &str = "4242424";

/// What the program says, started by sudo.
fn said(arguments: &[&str], user: &str) -> String {
    let mut command = Command::new(binary());
    command.args(arguments).env("SUDO_UID", user).env("SUDO_GID", user);
    let output = command.output().expect("the program runs");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat()
}

#[test]
fn a_caller_of_sudo_is_shown_no_line_that_he_may_not_read() {
    if !ndpi_is_there() {
        return;
    }
    let file = file("private", "policy.toml", b"[[rule]]\napp = \"secret\"\naction = \"drop\"\n");
    fs::set_permissions(Path::new(&file), fs::Permissions::from_mode(0o600)).unwrap();
    let commands: [&[&str]; 4] = [
        &["policy", "check", &file],
        &["policy", "check", "--json", &file],
        &["policy", "explain", &file, "--flow", "app=DNS"],
        &["pcap", "--policy", &file, "/dev/null"],
    ];
    for arguments in commands {
        for root in ["", "0"] {
            let shown = said(arguments, root);
            assert!(shown.contains("secret"), "{arguments:?}: {shown}");
        }
        let shown = said(arguments, STRANGER);
        assert!(!shown.contains("secret"), "{arguments:?}: {shown}");
        assert!(
            shown.contains("policy.toml:2:") && shown.contains("SUDO_UID"),
            "{arguments:?}: {shown}"
        );
    }
}
