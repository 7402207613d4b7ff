//! The programs that measure: benches of `ndpi-user`, which alone are started with privileges.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// Compiles the bench called `name` and says where it is.
pub(super) fn program(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let messages = process::output(
        process::cargo()
            .args(["bench", "--no-run", "--package", "ndpi-user", "--bench", name])
            .args(["--message-format", "json-render-diagnostics"])
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
