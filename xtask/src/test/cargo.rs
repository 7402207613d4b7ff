//! Running cargo's tests with the surroundings they need.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::toolchain::Toolchain;
use crate::workspace::Workspace;
use crate::{process, sudo};

/// With whose rights tests run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    Own,
    Root,
}

/// A cargo command on the workspace's default members.
pub(super) fn command(workspace: &Workspace, subcommand: &str) -> Command {
    let mut cargo = process::compiler(subcommand);
    cargo.arg("--target-dir").arg(workspace.target()).current_dir(workspace.root());
    cargo
}

/// Runs the selected tests, showing what the runner prints, and sums up its closing lines.
pub(super) fn test(workspace: &Workspace, selection: &[&str], rights: Rights) -> Result<()> {
    let mut cargo = command(workspace, "test");
    let mut surroundings = surroundings(workspace);
    if rights == Rights::Root {
        surroundings.push(("RUST_TEST_THREADS", threads_that_wait()));
    }
    if rights == Rights::Root && !process::is_root() {
        if sudo::is_possible() {
            sudo::ask("attaching programs in tests")?;
            cargo.arg("--config").arg(sudo_runner(&Toolchain::ask()?.host, &surroundings)?);
        } else {
            eprintln!("test: neither root nor sudo: tests that attach programs will skip");
        }
    }
    // One run names all that fails: on a machine of somebody else's there may be no second one.
    cargo.arg("--no-fail-fast").args(selection).envs(surroundings);
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read what cargo prints")?;
        println!("{line}");
        tally.add(&line);
    }
    let status = child.wait().context("cargo went away")?;
    if !status.success() {
        bail!("`{}` failed: {status}", process::shown(&cargo));
    }
    println!("tests: {} passed, {} ignored in {} runs", tally.passed, tally.ignored, tally.runs);
    ensure!(tally.runs > 0, "no closing line of a test runner: nothing was tested");
    Ok(())
}

/// How many integration tests run at a time. They wait for clients, servers and threads of the program for half of
/// their time, so that one for each CPU would leave half of the machine idle.
fn threads_that_wait() -> OsString {
    process::variable("RUST_TEST_THREADS").unwrap_or_else(|| {
        let cpus = thread::available_parallelism().map_or(1, usize::from);
        (2 * cpus).to_string().into()
    })
}

/// The variables that tests look at; those already set win.
pub(super) fn surroundings(workspace: &Workspace) -> Vec<(&'static str, OsString)> {
    let corpus = workspace.root().join("../shared/corpus");
    let found = [
        ("NDPI_LIBRARY", Some(workspace.ndpi_library())),
        ("NDPI_PYTHON", Some(workspace.python())),
        ("NDPI_CORPUS", corpus.canonicalize().ok()),
        // For the test of the lab, which would else have to ask cargo for it, as root.
        ("XTASK", env::current_exe().ok()),
    ];
    let set = |(name, value): (&'static str, Option<PathBuf>)| {
        Some((name, process::variable(name).or(value.map(PathBuf::into_os_string))?))
    };
    found.into_iter().filter_map(set).collect()
}

/// Cargo's setting to start test binaries through sudo, with the variables sudo would drop.
fn sudo_runner(host: &str, surroundings: &[(&str, OsString)]) -> Result<String> {
    let kept = ["CI", "RUST_BACKTRACE", "RUST_LOG", "PATH"];
    let kept = kept.iter().filter_map(|name| Some((*name, env::var_os(name)?)));
    let words = ["sudo".to_owned(), "env".to_owned()].into_iter().map(Ok).chain(
        surroundings.iter().cloned().chain(kept).map(|(name, value)| assignment(name, &value)),
    );
    let words = words.map(|word| Ok(format!("{:?}", word?))).collect::<Result<Vec<_>>>()?;
    Ok(format!("target.{host}.runner=[{}]", words.join(",")))
}

fn assignment(name: &str, value: &OsStr) -> Result<String> {
    let value = value.to_str().with_context(|| format!("{name} is not UTF-8"))?;
    Ok(format!("{name}={value}"))
}

/// What the closing lines of all test binaries add up to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    runs: u32,
    passed: u32,
    ignored: u32,
}

impl Tally {
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ok. ") else { return };
        let count = |what: &str| {
            let part = counts.split("; ").find_map(|part| part.strip_suffix(what));
            part.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
        };
        self.runs += 1;
        self.passed += count("passed");
        self.ignored += count("ignored");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; \
             finished in 0.00s",
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; \
             finished in 0.10s",
        ] {
            tally.add(line);
        }
        assert_eq!(tally, Tally { runs: 2, passed: 15, ignored: 1 });
    }

    #[test]
    fn sudo_gets_the_variables() {
        let variables = [("NDPI_LIBRARY", OsString::from("/a b/libndpi.so.5"))];
        let setting = sudo_runner("x86_64-unknown-linux-gnu", &variables).unwrap();
        let start = r#"target.x86_64-unknown-linux-gnu.runner=["sudo","env","NDPI_LIBRARY=/a b/"#;
        assert!(setting.starts_with(start), "{setting}");
        assert!(setting.ends_with("\"]"), "{setting}");
    }
}
