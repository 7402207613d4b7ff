//! Running other programs, with errors that can be acted upon.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::manner;

/// A command that does not inherit what cargo sets for xtask itself.
///
/// `cargo run` puts the toolchain's libraries into `LD_LIBRARY_PATH`; a tool that only works with
/// that would fail when a person calls it.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_remove("LD_LIBRARY_PATH");
    if let Ok(path) = env::join_paths(search_path()) {
        command.env("PATH", path);
    }
    command
}

/// An environment variable; an empty one is as good as none.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The cargo that runs xtask.
pub(crate) fn cargo() -> Command {
    command(variable("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The same for compiling: what cargo prints for each crate is shown with `-v`; warnings and errors
/// always are.
pub(crate) fn compiler(subcommand: &str) -> Command {
    let mut cargo = cargo();
    cargo.arg(subcommand);
    if !manner::is_verbose() {
        cargo.arg("--quiet");
    }
    cargo
}

/// `program` with root's rights: itself for root, else through sudo, which may ask for a password.
pub(crate) fn privileged(program: impl AsRef<OsStr>) -> Command {
    if is_root() {
        return command(program);
    }
    let mut sudo = command("sudo");
    sudo.arg(program);
    sudo
}

/// Runs a command with our own input and output, and fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs a command that prints more than anybody wants to read: it is shown with `-v`, and where the
/// command fails.
pub(crate) fn quietly(command: &mut Command) -> Result<()> {
    if manner::is_verbose() {
        eprintln!("$ {}", shown(command));
        return run(command);
    }
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        // As it came, line by line: it is not a sentence of an error.
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        bail!("`{}` failed: {}", shown(command), output.status);
    }
    Ok(())
}

/// Runs a command and returns its standard output; its error output is part of the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}: {}", shown(command), output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first file called `program` where [`command`] looks for it.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    search_path().map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// `PATH`, and the folders for administration that it lacks for ordinary users, and for root after
/// a plain `su`.
fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // An empty entry is the working directory, which is no place for programs that root starts.
    let folders: Vec<_> = env::split_paths(&path).filter(|it| it.is_absolute()).collect();
    folders.into_iter().chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
}

/// Whether we have root's rights, asked of `/proc`: no `unsafe`, no crate.
pub(crate) fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| effective_uid(&status) == Some(0))
}

fn effective_uid(status: &str) -> Option<u32> {
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    uids.split_whitespace().nth(1)?.parse().ok()
}

/// The command as a person would type it, near enough.
pub(crate) fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| quoted(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("cargo");
        command.args(["run", "--", "a b", "it's", ""]);
        assert_eq!(shown(&command), r"cargo run -- 'a b' 'it'\''s' ''");
    }

    #[test]
    fn the_effective_uid_is_the_second() {
        let status = "Name:\tx\nUid:\t1000\t0\t1000\t1000\nGid:\t5\t6\t5\t5\n";
        assert_eq!(effective_uid(status), Some(0));
        assert_eq!(effective_uid("Name:\tx\n"), None);
    }

    #[test]
    fn failure_carries_the_command_and_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("exit status: 3") && text.contains("why"), "{text}");
    }
}
