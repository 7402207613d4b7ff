//! The examples of the crates: all are compiled, and run where they need no kernel program.

use std::ffi::OsStr;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use testkit::packets;

use super::cargo;
use crate::process;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace) -> Result<()> {
    process::run(cargo::command(workspace, "build").arg("--examples"))?;
    let decided = printed(workspace, "decide", &[])?;
    expect("decide", &decided, &["r1.googlevideo.com: drop", "www.youtube.com: count"])?;
    classify(workspace)
}

/// A question to DNS and its answer, in a capture.
fn classify(workspace: &Workspace) -> Result<()> {
    let question = |answer| packets::dns(1, "www.example.com", answer);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("dns.pcap");
    fs::write(&file, packets::capture(&[(1, question(false)), (2, question(true))]))
        .with_context(|| format!("writing {}", file.display()))?;
    let classified = printed(workspace, "classify", &[file.as_os_str()])?;
    expect("classify", &classified, &["port 53", "DNS (Network) www.example.com"])
}

/// What an example prints.
fn printed(workspace: &Workspace, name: &str, arguments: &[&OsStr]) -> Result<String> {
    let mut example = process::command(workspace.target().join("debug/examples").join(name));
    example.args(arguments).envs(cargo::surroundings(workspace));
    process::output(&mut example)
}

fn expect(name: &str, printed: &str, parts: &[&str]) -> Result<()> {
    let missing = parts.iter().find(|part| !printed.contains(**part));
    ensure!(missing.is_none(), "the example {name} does not print {missing:?}, but {printed:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::expect;

    #[test]
    fn what_an_example_does_not_print_is_named() {
        assert!(expect("decide", "a: drop\n", &["a: drop"]).is_ok());
        let error = expect("decide", "a: drop\n", &["a: drop", "b: count"]).unwrap_err();
        assert!(error.to_string().contains("\"b: count\""), "{error}");
    }
}
