//! The programs that measure, which alone are started with privileges: benches, most of them of `ndpi-user`.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::lab::leftovers;
use crate::setup::Need;
use crate::workspace::{Profile, Workspace};
use crate::{build, manner, process};

/// The bench called `name`, which loads the BPF programs by itself.
pub(super) fn of_the_programs(workspace: &Workspace, name: &str) -> Result<Command> {
    build::provide_object(workspace)?;
    Ok(process::privileged(program(workspace, name)?))
}

/// The bench called `name`, which runs `ndpi-xdp` as it is installed, in namespaces.
pub(super) fn of_the_program(workspace: &Workspace, name: &str) -> Result<Command> {
    build::build(workspace, Profile::Dist, &Need::default())?;
    let (program, binary) = (program(workspace, name)?, workspace.binary(Profile::Dist));
    if process::is_root() {
        leftovers::remove_stale(&binary)?;
    }
    let mut command = process::privileged(program);
    command.arg("--program").arg(binary);
    command.arg("--library").arg(workspace.ndpi_library());
    Ok(command)
}

/// Runs a bench, which prints one JSON object a line if `json`.
pub(super) fn run(mut command: Command, json: bool) -> Result<ExitCode> {
    if json {
        command.arg("--json");
    }
    process::run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

/// Compiles parts of `ndpi-user` as they are installed.
pub(super) fn compile(workspace: &Workspace, targets: &[&str]) -> Result<()> {
    let mut cargo = process::compiler("build");
    cargo.args(["--profile", Profile::Dist.name(), "--package", "ndpi-user"]).args(targets);
    cargo.arg("--target-dir").arg(workspace.target()).current_dir(workspace.root());
    let what = format!("bench: compiling ({})", Profile::Dist.patience());
    manner::announced(&what, || process::run(&mut cargo))
}

/// Compiles the bench called `name` and says where it is.
pub(super) fn program(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    compiled(workspace, &["--package", "ndpi-user", "--bench", name])
}

/// The bench of a package, compiled as the program is installed.
pub(super) fn as_installed(workspace: &Workspace, package: &str, name: &str) -> Result<PathBuf> {
    let what = format!("bench: compiling ({})", Profile::Dist.patience());
    let arguments = ["--package", package, "--bench", name, "--profile", Profile::Dist.name()];
    manner::announced(&what, || compiled(workspace, &arguments))
}

/// Compiles a bench and says where it is.
fn compiled(workspace: &Workspace, arguments: &[&str]) -> Result<PathBuf> {
    let messages = process::output(
        process::compiler("bench")
            .arg("--no-run")
            .args(arguments)
            .args(["--message-format", "json-render-diagnostics", "--target-dir"])
            .arg(workspace.target())
            .current_dir(workspace.root()),
    )?;
    executable(&messages).context("cargo does not say where the measuring program is")
}

/// The executable of the bench target in cargo's messages.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["kind"][0] == "bench")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_bench_is_found_among_other_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"]},"executable":"/a"}"#,
            "\nnot JSON\n",
            r#"{"reason":"compiler-artifact","target":{"kind":["bench"]},"executable":"/b"}"#,
        );
        assert_eq!(super::executable(messages).as_deref(), Some(Path::new("/b")));
        assert_eq!(super::executable(""), None);
    }
}
