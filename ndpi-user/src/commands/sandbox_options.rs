//! The option of commands that read captures to keep their rights.

use clap::Args;

use crate::captures::Sandbox;

/// Whether rights are given up.
#[derive(Args, Clone, Copy, Debug)]
pub struct SandboxOptions {
    /// Keep all rights while captures are read. Otherwise the process gives them up before nDPI sees a
    /// packet: it opens no file but the captures and lists, no connection, and starts no program
    #[arg(long)]
    no_sandbox: bool,
}

impl SandboxOptions {
    /// Whether rights are given up.
    pub(super) fn sandbox(self) -> Sandbox {
        if self.no_sandbox { Sandbox::Off } else { Sandbox::On }
    }
}
