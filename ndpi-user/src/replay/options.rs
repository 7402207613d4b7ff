//! Options of a replay.

use std::path::PathBuf;

use jiff::Timestamp;
use ndpi_capture::link::Tunnels;
use ndpi_flow::Settings;
use ndpi_kernel::LoadOptions;

use crate::captures::{Format, Sandbox};
use crate::engine_setup::EngineSetup;

/// Which captures are replayed, how the kernel side and nDPI are set up, and what is printed.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Captures, or folders with captures; `-` is standard input.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) format: Format,
    /// Whether a line or a record is written for each packet.
    pub(crate) packets: bool,
    /// Which tunnels are looked into.
    pub(crate) tunnels: Tunnels,
    pub(crate) settings: Settings,
    /// How the programs are loaded.
    pub(crate) load: LoadOptions,
    /// Rows of a table in the report.
    pub(crate) rows: usize,
    /// The policy; without one, everything is counted.
    pub(crate) policy: Option<PathBuf>,
    /// The time that schedules are asked for, in place of that of the packets.
    pub(crate) at: Option<Timestamp>,
    pub(crate) engine: EngineSetup,
    /// What is given up before captures are read.
    pub(crate) sandbox: Sandbox,
}
