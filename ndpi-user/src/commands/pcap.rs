//! `ndpi-xdp pcap`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use ndpi_flow::{Accounting, Settings, Timeouts};

use super::moment::moment;
use super::{CaptureTunnelOptions, NdpiOptions, SandboxOptions, StreamOptions, format};
use crate::offline;

/// Classify the flows of captures
///
/// Reads pcap and pcapng, plain, gzip or zstd. Each file has flows of its own, unless --join is given.
/// Prints a summary, or a record for each flow with --json or --csv. Ctrl-C stops reading and prints
/// what was found so far. Exit status: 0 everything was read, 1 something was not (see the errors), 2
/// wrong usage, 130 stopped by Ctrl-C.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub struct PcapArguments {
    /// Captures, or folders: of these all captures in them and below; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Print a JSON record per line: one for each flow, and one for each capture
    #[arg(long)]
    pub json: bool,

    /// Print flows as comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,

    /// Make one flow of all packets of a 5-tuple and VLAN, however far apart: no idle times, and a
    /// new connection does not end the one before
    #[arg(long)]
    pub whole_capture: bool,

    /// The files continue one another: flows go on from one to the next
    #[arg(long)]
    pub join: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub tunnels: CaptureTunnelOptions,

    /// Show what this policy would have done with each flow
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// Ask the policy's schedules as of this time, not of the capture's own: `2026-11-23T12:00:00Z`,
    /// or in local time `2026-11-23 12:00`, `12:00` or `sat 12:00`
    #[arg(long, value_name = "TIME", requires = "policy", value_parser = moment)]
    pub at: Option<Timestamp>,

    /// Threads that classify: with several files, as many processes, one for each file. With fewer
    /// files than threads, the flows of a file are spread over several engines, unless it is a stream
    /// [default: as many as there are CPUs and files]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Flows kept at a time. Beyond it, some that were silent for long are ended early
    #[arg(long, value_name = "N", default_value = "1000000")]
    pub max_flows: NonZeroUsize,

    /// Rows of a table in the summary
    #[arg(long, value_name = "N", default_value = "20")]
    pub rows: NonZeroUsize,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub streams: StreamOptions,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub sandbox: SandboxOptions,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub ndpi: NdpiOptions,
}

impl PcapArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// nDPI or the policy cannot be used, or the output cannot be written.
    pub fn run(self) -> Result<ExitCode> {
        offline::run(offline::Options {
            format: format(self.json, self.csv),
            tunnels: self.tunnels.tunnels(),
            settings: Settings {
                timeouts: (!self.whole_capture).then(Timeouts::default),
                accounting: Accounting::Classifier,
                max_flows: self.max_flows.get(),
                normalise: self.streams.normalise(),
            },
            files: self.files,
            join: self.join,
            threads: self.threads,
            rows: self.rows.get(),
            policy: self.policy,
            at: self.at,
            engine: self.ndpi.into(),
            sandbox: self.sandbox.sandbox(),
        })
    }
}
