//! `cargo xtask run`: builds as the caller, starts only the program with privileges.

use std::convert::Infallible;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::Need;
use crate::workspace::{Profile, Workspace};
use crate::{build, process, sudo};

/// Build `ndpi-xdp` as you, and start it with root's rights. Every option is handed to it.
///
/// `cargo xtask run --iface eth0` starts `ndpi-xdp run --iface eth0`; where the first word is no
/// option, as in `cargo xtask run verdicts --json`, it is taken for the command of `ndpi-xdp`.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What `ndpi-xdp` is given.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// Commands of `ndpi-xdp` that work on files and tables alone.
const UNPRIVILEGED: [&str; 4] = ["pcap", "policy", "list", "help"];

/// Variables that reach the program through sudo, which drops the environment.
const KEPT: [&str; 3] = ["RUST_LOG", "RUST_LOG_STYLE", "RUST_BACKTRACE"];

/// `cargo xtask run`. Does not come back: the program takes the place of this process, so signals
/// reach it and its exit code is the caller's.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<Infallible> {
    let words = words_for(&args.words);
    let root = needs_sudo(&words).then_some("attaching programs to an interface");
    build::build(workspace, Profile::Quick, &Need { root, ..Need::default() })?;
    let library =
        process::variable("NDPI_LIBRARY").unwrap_or_else(|| workspace.ndpi_library().into());
    let mut command = start(&workspace.binary(Profile::Quick), &library, &words);
    eprintln!("run: {}", process::shown(&command));
    let shown = process::shown(&command);
    Err(command.exec()).with_context(|| format!("cannot start `{shown}`"))
}

/// What is asked of `ndpi-xdp`: its command `run`, unless another is named.
fn words_for(words: &[OsString]) -> Vec<OsString> {
    let names_command =
        words.first().is_some_and(|word| !word.as_encoded_bytes().starts_with(b"-"));
    let run = (!names_command).then(|| OsString::from("run"));
    run.into_iter().chain(words.iter().cloned()).collect()
}

fn start(binary: &Path, library: &OsStr, words: &[OsString]) -> Command {
    let mut command = if needs_sudo(words) {
        through_sudo(binary, library)
    } else {
        let mut command = process::command(binary);
        command.env("NDPI_LIBRARY", library);
        command
    };
    command.args(words);
    command
}

/// Without sudo it starts all the same: a container may have given us the capabilities, and if some
/// are missing, the program itself says which.
fn needs_sudo(words: &[OsString]) -> bool {
    wants_root(words) && !process::is_root() && sudo::is_possible()
}

fn wants_root(words: &[OsString]) -> bool {
    let asks_help = words.iter().any(|word| word == "--help" || word == "-h");
    let works_on_files = words
        .first()
        .is_some_and(|command| UNPRIVILEGED.iter().any(|unprivileged| command == unprivileged));
    !asks_help && !works_on_files
}

fn through_sudo(binary: &Path, library: &OsStr) -> Command {
    let mut command = process::command("sudo");
    let variable = |name: &str, value: &OsStr| {
        let mut assignment = OsString::from(name);
        assignment.push("=");
        assignment.push(value);
        assignment
    };
    command.args(["--", "env"]).arg(variable("NDPI_LIBRARY", library));
    for name in KEPT {
        if let Some(value) = env::var_os(name) {
            command.arg(variable(name, &value));
        }
    }
    command.arg(binary);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words_for(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_those_of_run() {
        assert_eq!(words(&["--iface", "eth0"]), ["run", "--iface", "eth0"]);
        assert_eq!(words(&[]), ["run"]);
        assert_eq!(words(&["--help"]), ["run", "--help"]);
    }

    #[test]
    fn another_command_is_left_alone() {
        assert_eq!(words(&["verdicts", "--json"]), ["verdicts", "--json"]);
        assert_eq!(words(&["run", "--iface", "eth0"]), ["run", "--iface", "eth0"]);
    }

    #[test]
    fn only_what_touches_the_kernel_wants_root() {
        for yes in [&["--iface", "eth0"][..], &["verdicts"], &["detach"], &[]] {
            assert!(wants_root(&words(yes)), "{yes:?}");
        }
        for no in [&["pcap", "a.pcap"][..], &["policy", "check", "p.toml"], &["--help"]] {
            assert!(!wants_root(&words(no)), "{no:?}");
        }
    }

    #[test]
    fn sudo_carries_the_library() {
        let command = through_sudo(Path::new("/x/ndpi-xdp"), OsStr::new("/x/libndpi.so.5"));
        let shown = process::shown(&command);
        assert!(shown.starts_with("sudo -- env NDPI_LIBRARY=/x/libndpi.so.5 "), "{shown}");
        assert!(shown.ends_with("/x/ndpi-xdp"), "{shown}");
    }
}
