//! `ndpi-xdp replay`.

use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use log::LevelFilter;
use ndpi_common::{Hook, MAX_SNAP};
use ndpi_flow::{Accounting, Settings, Timeouts};
use ndpi_kernel::{LoadOptions, messages_beside};

use super::moment::moment;
use super::{CaptureTunnelOptions, Context, NdpiOptions, SandboxOptions, StreamOptions, format};
use crate::engine_setup::EngineSetup;
use crate::replay;

/// Run captures through the kernel programs, packet by packet
///
/// The programs are loaded but not attached: they run on each packet as if it came in on an interface,
/// and nothing leaves the machine. Each verdict is in place before the next packet is run. Each file
/// begins with empty maps and a new nDPI engine. Prints a summary, or a record for each flow with --json
/// or --csv. Ctrl-C stops and prints what was found so far. Exit status: 0 everything was read, 1
/// something was not (see the errors), 2 wrong usage, 130 stopped by Ctrl-C. Needs root.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub struct ReplayArguments {
    /// Captures, or folders: of these all captures in them and below; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Print a JSON record per line: one for each flow, and one for each capture
    #[arg(long)]
    json: bool,

    /// Print flows as comma-separated values
    #[arg(long, conflicts_with_all = ["json", "packets"])]
    csv: bool,

    /// Print a line for each packet with what the kernel did, or a record with --json
    #[arg(long)]
    packets: bool,

    /// Make one flow of all packets of a 5-tuple and VLAN, however far apart: no idle times, and a
    /// new connection does not end the one before
    #[arg(long)]
    whole_capture: bool,

    #[command(flatten)]
    tunnels: CaptureTunnelOptions,

    /// Policy file; without one, everything is counted
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Ask the policy's schedules as of this time, not of the capture's own: `2026-11-23T12:00:00Z`,
    /// or in local time `2026-11-23 12:00`, `12:00` or `sat 12:00`
    #[arg(long, value_name = "TIME", requires = "policy", value_parser = moment)]
    at: Option<Timestamp>,

    /// Maximum packets of a flow that are shown to nDPI; then the flow is decided by what is known
    /// [default: as many as nDPI wants to see]
    #[arg(long, value_name = "PACKETS")]
    budget: Option<NonZeroU8>,

    /// Bytes of a packet that are shown at most, from the IP header on
    #[arg(long, value_name = "BYTES", default_value_t = MAX_SNAP,
          value_parser = clap::value_parser!(u32).range(64..=i64::from(MAX_SNAP)))]
    snap: u32,

    /// Flows that are known at a time: the entries of each map, and flows in user space
    #[arg(long, value_name = "FLOWS", default_value = "262144")]
    max_flows: NonZeroU32,

    /// Rows of a table in the summary
    #[arg(long, value_name = "N", default_value = "20")]
    rows: NonZeroUsize,

    #[command(flatten)]
    streams: StreamOptions,

    #[command(flatten)]
    sandbox: SandboxOptions,

    #[command(flatten)]
    ndpi: NdpiOptions,
}

/// Bytes of a ring, which holds one sample at a time.
const RING_BYTES: u32 = 64 << 10;

impl ReplayArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// The programs cannot be loaded, nDPI or the policy cannot be used, a map has no room, or the
    /// output cannot be written.
    pub fn run(self, context: Context) -> Result<ExitCode> {
        replay::run(replay::Options {
            format: format(self.json, self.csv),
            packets: self.packets,
            tunnels: self.tunnels.tunnels(),
            settings: self.settings(),
            load: self.load_options(context.log_level),
            engine: self.engine(),
            sandbox: self.sandbox.sandbox(),
            files: self.files,
            rows: self.rows.get(),
            policy: self.policy,
            at: self.at,
        })
    }

    /// nDPI as the options say; with a budget, that is its own limit too, as in `run`.
    fn engine(&self) -> EngineSetup {
        let setup = EngineSetup::from(self.ndpi.clone());
        match self.budget {
            None => setup,
            Some(budget) => setup.with_packet_limit(budget.get()),
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            timeouts: (!self.whole_capture).then(Timeouts::default),
            accounting: Accounting::Kernel,
            max_flows: usize::try_from(self.max_flows.get()).unwrap_or(usize::MAX),
            normalise: self.streams.normalise(),
        }
    }

    /// How the kernel side is set up, for this level of our own messages.
    fn load_options(&self, level: LevelFilter) -> LoadOptions {
        let defaults = LoadOptions::default();
        LoadOptions {
            verdicts: self.max_flows.get(),
            tracks: self.max_flows.get(),
            ring_bytes: RING_BYTES,
            // Without a bound of ours nDPI's own limit ends it: a verdict stops the showing.
            budget: self.budget.map_or(u32::MAX, |budget| budget.get().into()),
            snap: self.snap,
            switches: self.tunnels.switches(),
            tunnel_ends: self.tunnels.tunnels().ends().to_vec(),
            // The largest that the programs can compare with: no flow is ever idle.
            idle_ticks: if self.whole_capture {
                i32::MAX.unsigned_abs()
            } else {
                defaults.idle_ticks
            },
            log_level: messages_beside(level),
            hooks: &[Hook::Xdp],
            pin_directory: None,
            ..defaults
        }
    }
}
