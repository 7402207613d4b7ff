//! Options of all benches that run the program.

use std::path::PathBuf;

/// Options that `cargo xtask bench` gives to each of them.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// The `ndpi-xdp` to measure.
    #[arg(long)]
    pub(crate) program: PathBuf,
    /// nDPI's library.
    #[arg(long)]
    pub(crate) library: PathBuf,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}
