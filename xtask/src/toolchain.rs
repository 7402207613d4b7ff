//! Facts about the Rust toolchain that runs: everything for BPF must match it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

use crate::process;

/// The rustc in use and where it lives.
pub(crate) struct Toolchain {
    /// Release, commit and date.
    pub(crate) version: String,
    /// Release, such as `1.95.0`.
    pub(crate) release: String,
    /// Host triple.
    pub(crate) host: String,
    /// Major version of the LLVM inside rustc: what writes the bitcode that bpf-linker reads.
    pub(crate) llvm_major: u32,
    /// Where the toolchain is installed.
    pub(crate) sysroot: PathBuf,
}

impl Toolchain {
    /// Asks rustc, once. Only to be called for what is compiled: where sudo starts us, there may be no
    /// rustc on `PATH`.
    pub(crate) fn ask() -> Result<&'static Self> {
        static ASKED: OnceLock<Toolchain> = OnceLock::new();
        if let Some(asked) = ASKED.get() {
            return Ok(asked);
        }
        let version = process::output(rustc().arg("-vV"))?;
        let sysroot = process::output(rustc().args(["--print", "sysroot"]))?;
        let asked = Self::parse(&version, sysroot.trim().into())
            .with_context(|| format!("`rustc -vV` says something unexpected:\n{version}"))?;
        Ok(ASKED.get_or_init(|| asked))
    }

    fn parse(version: &str, sysroot: PathBuf) -> Option<Self> {
        let field = |name| version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let llvm = field("LLVM version:")?;
        Some(Self {
            version: version.lines().next()?.strip_prefix("rustc ")?.to_owned(),
            release: field("release:")?.to_owned(),
            host: field("host:")?.to_owned(),
            llvm_major: llvm.split('.').next()?.parse().ok()?,
            sysroot,
        })
    }

    /// rustc's own llvm-objcopy: whatever the target, and with the LLVM that wrote the file.
    pub(crate) fn objcopy(&self) -> Result<Command> {
        let program = self.sysroot.join("lib/rustlib").join(&self.host).join("bin/rust-objcopy");
        ensure!(program.exists(), "this toolchain has no {}; rustup's have", program.display());
        let mut command = process::command(program);
        // It looks for the LLVM library where rustc's own programs are.
        command.env("LD_LIBRARY_PATH", self.sysroot.join("lib"));
        Ok(command)
    }

    /// The folder that `-Z build-std` reads.
    pub(crate) fn library_source(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library")
    }

    /// Whether rustup installed this toolchain (and so may change it).
    pub(crate) fn is_rustups(&self) -> bool {
        self.sysroot.join("lib/rustlib/multirust-channel-manifest.toml").exists()
    }

    /// Rustup's name for this toolchain.
    pub(crate) fn name(&self) -> Option<String> {
        Some(self.sysroot.file_name()?.to_string_lossy().into_owned())
    }
}

/// The BPF target of this machine's byte order.
pub(crate) fn bpf_target() -> &'static str {
    if cfg!(target_endian = "big") { "bpfeb-unknown-none" } else { "bpfel-unknown-none" }
}

/// The rustc that cargo would call.
pub(crate) fn rustc() -> Command {
    process::command(process::variable("RUSTC").unwrap_or_else(|| "rustc".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "rustc 1.95.0 (59807616e 2026-04-14)
binary: rustc
commit-hash: 59807616e1fa2540724bfbac14d7976d7e4a3860
commit-date: 2026-04-14
host: x86_64-unknown-linux-gnu
release: 1.95.0
LLVM version: 22.1.2
";

    #[test]
    fn version_is_taken_apart() {
        let toolchain = Toolchain::parse(VERSION, "/opt/rust".into()).unwrap();
        assert_eq!(toolchain.version, "1.95.0 (59807616e 2026-04-14)");
        assert_eq!(toolchain.release, "1.95.0");
        assert_eq!(toolchain.host, "x86_64-unknown-linux-gnu");
        assert_eq!(toolchain.llvm_major, 22);
    }

    #[test]
    fn a_rustc_without_llvm_is_refused() {
        let version = VERSION.replace("LLVM version", "Cranelift version");
        assert!(Toolchain::parse(&version, "/opt/rust".into()).is_none());
    }
}
