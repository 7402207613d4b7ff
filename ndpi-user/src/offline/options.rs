//! Options of a run over captures.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use jiff::Timestamp;
use ndpi_capture::link::Tunnels;
use ndpi_flow::Settings;

use crate::captures::{Format, Sandbox};
use crate::engine_setup::EngineSetup;

/// Which captures are read, how their flows are classified, and what is printed.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Captures, or folders with captures; `-` is standard input.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) format: Format,
    /// Which tunnels are looked into.
    pub(crate) tunnels: Tunnels,
    pub(crate) settings: Settings,
    /// Whether the captures continue one another.
    pub(crate) join: bool,
    /// Threads that classify; `None` for as many as there are CPUs and captures.
    pub(crate) threads: Option<NonZeroUsize>,
    /// Rows of a table in the report.
    pub(crate) rows: usize,
    /// The policy whose verdicts are printed.
    pub(crate) policy: Option<PathBuf>,
    /// The time that schedules are asked for, in place of that of the packets.
    pub(crate) at: Option<Timestamp>,
    pub(crate) engine: EngineSetup,
    pub(crate) sandbox: Sandbox,
}
