//! The launcher of `cargo xtask`: checks the compiler, then has cargo compile xtask and start it.
//!
//! It is written for compilers of any age: who has one that is too old shall read that in the first
//! line, and not what an old cargo makes of manifests that it does not know.

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{exit, Command};

/// The release of the compiler in use, such as `1.95.0`; see `build.rs`.
const RELEASE: &str = env!("RUST_RELEASE");

fn main() {
    let root = root();
    let needed = needed(&fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default());
    if is_older(RELEASE, &needed) {
        eprintln!("{}", too_old(RELEASE, &needed));
        exit(1);
    }
    let failure = start(&root).exec();
    eprintln!("error: cannot start cargo: {}", failure);
    exit(1);
}

/// The checkout that this program lies in: cargo does not compile it again when a checkout is moved or
/// copied, so the one that it was compiled in may be another by now. That one only where it lies in none.
fn root() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let around = program.ancestors().find(|folder| folder.join("xtask/launch/Cargo.toml").exists());
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    around.or(package.ancestors().nth(2)).unwrap_or(package).to_path_buf()
}

/// Cargo on xtask, with our arguments.
fn start(root: &Path) -> Command {
    let words: Vec<_> = env::args_os().skip(1).collect();
    let verbose = words.iter().any(|word| word == "-v" || word == "--verbose");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg("run");
    if !verbose {
        cargo.arg("--quiet");
    }
    if !root.join("target/debug/xtask").exists() && env::var_os("CARGO_TARGET_DIR").is_none() {
        eprintln!("xtask: compiling the project's own tool (about half a minute, once)");
    }
    cargo.args(&["--package", "xtask", "--manifest-path"]).arg(root.join("Cargo.toml"));
    cargo.arg("--").args(words);
    cargo
}

/// The `rust-version` of the workspace's manifest.
fn needed(manifest: &str) -> String {
    let field = manifest.lines().find(|line| line.starts_with("rust-version"));
    field.and_then(|line| line.split('"').nth(1)).unwrap_or_default().to_owned()
}

fn too_old(release: &str, needed: &str) -> String {
    format!(
        "error: rustc {} is too old for ndpi-xdp, which needs {} or newer\n\
         A distribution's Rust usually is; rustup installs and updates the present one:\n\
         \x20 https://rustup.rs, or where rustup is installed: rustup update stable",
        release, needed
    )
}

/// Whether `release` comes before `needed`. What is no release is not refused: cargo decides.
fn is_older(release: &str, needed: &str) -> bool {
    match (numbers(release), numbers(needed)) {
        (Some(release), Some(needed)) => release < needed,
        _ => false,
    }
}

/// Major and minor.
fn numbers(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_compilers_are_refused_by_number() {
        assert!(is_older("1.63.0", "1.95"));
        assert!(is_older("1.94.1", "1.95"));
        assert!(!is_older("1.95.0", "1.95"));
        assert!(!is_older("1.100.0-nightly", "1.95"));
        assert!(!is_older("2.0.0", "1.95"));
        assert!(!is_older("", "1.95"));
    }

    #[test]
    fn the_manifest_says_what_is_needed() {
        let manifest = "[workspace.package]\nedition = \"2024\"\nrust-version = \"1.95\"\n";
        assert_eq!(needed(manifest), "1.95");
        let ours = fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(numbers(&needed(&ours)) >= Some((1, 95)), "{}", ours);
    }

    #[test]
    fn the_first_line_says_what_is_wrong() {
        let text = too_old("1.63.0", "1.95");
        assert_eq!(
            text.lines().next(),
            Some("error: rustc 1.63.0 is too old for ndpi-xdp, which needs 1.95 or newer")
        );
        assert!(text.contains("https://rustup.rs"));
    }
}
