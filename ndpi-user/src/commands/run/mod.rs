//! `ndpi-xdp run`.

mod gone;
mod outputs;
mod pins;
mod tables;

use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use log::LevelFilter;
use ndpi_common::Switches;
use ndpi_export::{Format, Output, Show, Style};
use ndpi_flow::{Accounting, Settings, Shards, Timeouts};
use ndpi_kernel::{LoadOptions, messages_beside};

use self::gone::GoneOptions;
use self::pins::PinOptions;
use self::tables::TableOptions;
use super::{Context, NdpiOptions, StreamOptions, TunnelOptions};
use crate::daemon::{self, Pair};
use crate::engine_setup::EngineSetup;
use crate::fleet::PolicySource;
use crate::interfaces::{self, Pattern};
use crate::live::Plan;
use crate::stdout::{Colors, width};

/// Attach to interfaces, classify their flows, and enforce the policy until SIGINT or SIGTERM.
#[derive(Args, Clone, Debug)]
#[command(name = "run")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub struct RunArguments {
    /// Interface to watch, or a pattern such as 'wg*' for all with such names, also those that appear
    /// later. On a router, the inside one. May be given several times
    #[arg(long, required_unless_present = "peer", value_name = "NAME")]
    iface: Vec<Pattern>,

    /// Exit with status 1 when an interface disappears (of a pattern: the last one) or nothing is enforced
    /// on it any more, instead of waiting until it returns
    #[arg(long)]
    exit_when_gone: bool,

    /// Join two interfaces to a wire: what passes on one leaves through the other, and nothing that comes
    /// in reaches this machine's own network stack. Both are watched. May be given several times
    #[arg(long, value_name = "NAME=NAME")]
    peer: Vec<Pair>,

    /// Policy file; without one, everything is counted
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Take the policy from a bucket of a NATS server, and keep the last good one in the file of --policy:
    /// nats:HOST:PORT[,KEY=VALUE]…; keys are site, bucket (ndpi-policies), user, password-file, token-file
    /// (docs/fleet.md)
    #[arg(long, value_name = "BUCKET", requires = "policy")]
    policy_from: Option<PolicySource>,

    /// How to attach XDP
    #[arg(long, value_enum, default_value_t = XdpMode::Auto)]
    mode: XdpMode,

    /// Write records as JSON lines (docs/records.md) instead of a line per blocked flow
    #[arg(long)]
    json: bool,

    /// Which decisions have a line on standard output
    #[arg(long, value_enum, default_value_t = ShowWhat::Rules, conflicts_with = "json")]
    show: ShowWhat,

    /// Whether blocked flows are red; `NO_COLOR` is heeded
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorWhen::Auto)]
    color: ColorWhen,

    /// Write records there too: FORMAT:DESTINATION[,KEY=VALUE]…, such as `json:/var/log/flows.json` or
    /// `ipfix:udp:127.0.0.1:4739` (docs/outputs.md). May be given several times
    #[arg(long, value_name = "OUTPUT")]
    output: Vec<Output>,

    /// Configuration file with [[output]] tables, beside --output (docs/outputs.md)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Try the policy: decide, count and record as usual, but drop nothing and answer nobody. What would be
    /// dropped passes, and is counted under the reason for which it would be
    #[arg(long)]
    dry_run: bool,

    /// Seconds after which a flow that goes on has a record of what crossed until then, and again after each
    /// further time; 0 for none
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    active_timeout: u32,

    /// What this instance is called in records [default: the host's name; with --name as in router@lan]
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,

    /// Answer whoever asks for /metrics (Prometheus), /healthz or /readyz by HTTP at this address, such as
    /// 127.0.0.1:9100. Everybody who can connect is answered
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,

    /// Number of classifier threads, each with an nDPI engine of about 10 MB [default: one per CPU]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Maximum packets of a flow that are shown to nDPI; then the flow is decided by what is known
    #[arg(long, value_name = "PACKETS", default_value = "32")]
    budget: NonZeroU8,

    /// Maximum bytes of a packet that are shown, from the IP header on. nDPI ignores IPv6 and UDP packets
    /// that are cut
    #[arg(long, value_name = "BYTES", default_value_t = ndpi_common::MAX_SNAP,
          value_parser = clap::value_parser!(u32).range(64..=i64::from(ndpi_common::MAX_SNAP)))]
    snap: u32,

    #[command(flatten)]
    tunnels: TunnelOptions,

    /// Action on IPv6 packets with more than 8 extension headers, whose flow cannot be determined
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = LongChains::Pass)]
    long_chains: LongChains,

    #[command(flatten)]
    tables: TableOptions,

    /// Bytes of memory that all of user space takes at most, such as 512MiB: this process and those of nDPI, without
    /// what speaks to servers. Where flows would take more, those that say least are given up first
    /// (docs/tables.md). Too little is refused at the start
    #[arg(long, value_name = "SIZE", value_parser = ndpi_export::size)]
    memory_max: Option<u64>,

    /// Size in bytes of each of the two ring buffers of samples that each worker has (one for most packets, one
    /// for TCP packets with payload, which are looked at first), rounded up to a power of two
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    ring_size: u32,

    /// Microseconds that samples may wait for others when a worker is woken more than a
    /// thousand times per second; 0 for never. Each wake-up costs the CPU that sees the packet
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 250,
          value_parser = clap::value_parser!(u32).range(..=100_000))]
    gather: u32,

    /// Seconds between two sweeps, which remove verdicts of finished flows
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    sweep: NonZeroU32,

    #[command(flatten)]
    pins: PinOptions,

    #[command(flatten)]
    gone: GoneOptions,

    #[command(flatten)]
    streams: StreamOptions,

    /// Keep all rights, and have nDPI work in this process. Otherwise it works in one of its own that has none,
    /// and this one gives up capabilities that no option needs, and has the kernel refuse what it never does
    #[arg(long)]
    no_sandbox: bool,

    /// Where a packet crashes nDPI, write what nDPI was shown of its flow to a capture in this folder, for a report.
    /// There are at most 16 of 128 KiB
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_sandbox")]
    crash_captures: Option<PathBuf>,

    #[command(flatten)]
    ndpi: NdpiOptions,
}

/// How XDP is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum XdpMode {
    /// In the driver where possible, else in the network stack; on a veth, whichever is faster.
    Auto,
    /// In the driver, or not at all.
    Native,
    /// In the network stack: slower, on every device.
    Generic,
}

/// Which decisions are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ShowWhat {
    /// Those that a rule made.
    Rules,
    /// Those to block a flow.
    Blocked,
    /// All.
    All,
    /// None.
    None,
}

/// When there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What is done with packets whose chain of extension headers is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LongChains {
    /// Pass and count them.
    Pass,
    /// Drop and count them.
    Drop,
}

impl From<XdpMode> for ndpi_kernel::Mode {
    fn from(mode: XdpMode) -> Self {
        match mode {
            XdpMode::Auto => Self::Auto,
            XdpMode::Native => Self::Native,
            XdpMode::Generic => Self::Generic,
        }
    }
}

impl RunArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever kept it from starting, or ended it early. Nothing stays attached.
    pub fn run(self, context: Context) -> Result<ExitCode> {
        let workers = self.worker_count();
        let outputs = outputs::outputs(&self.output, self.config.as_deref())?;
        let options = daemon::Options {
            interfaces: self.interfaces()?,
            keep: self.pins.keep,
            sandbox: !self.no_sandbox,
            crash_captures: self.crash_captures.clone(),
            metrics: self.metrics,
            instance: self
                .instance
                .clone()
                .unwrap_or_else(|| self.pins.instance.called(host_name())),
            active_timeout: Duration::from_secs(self.active_timeout.into()),
            format: self.format(&outputs)?,
            outputs,
            load: self.load_options(context.log_level),
            workers,
            plan: self.plan(workers),
            memory_max: self.memory_max,
            coalesce: Duration::from_micros(self.gather.into()),
            engine: EngineSetup::from(self.ndpi).with_packet_limit(self.budget.get()),
            policy: self.policy,
            policy_from: self.policy_from,
        };
        options.run()
    }

    /// What standard output has; nothing but the records of an output where that is one's destination.
    ///
    /// # Errors
    ///
    /// Both are asked for.
    fn format(&self, outputs: &[Output]) -> Result<Format> {
        if outputs.iter().any(Output::is_standard_output) {
            ensure!(!self.json, "standard output is for --json or for an output, not for both");
            return Ok(Format::Nothing);
        }
        if self.json {
            return Ok(Format::Json);
        }
        let show = match self.show {
            ShowWhat::Rules => Show::Rules,
            ShowWhat::Blocked => Show::Blocked,
            ShowWhat::All => Show::All,
            ShowWhat::None => Show::None,
        };
        let colors = match self.color {
            ColorWhen::Auto => Colors::Auto,
            ColorWhen::Always => Colors::Always,
            ColorWhen::Never => Colors::Never,
        };
        Ok(Format::Text { show, style: Style { colored: colors.are_on(), width: width() } })
    }

    fn worker_count(&self) -> usize {
        let cpus = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.workers.unwrap_or_else(cpus).get()
    }

    /// How the kernel side is set up. Its messages follow the level of ours, but only where somebody
    /// asked for more than the usual: otherwise they are not even in the programs.
    fn load_options(&self, level: LevelFilter) -> LoadOptions {
        LoadOptions {
            verdicts: self.tables.verdicts(self.worker_count()),
            tracks: self.tables.tracks(),
            division: Shards::seeded(self.worker_count()).division(),
            ring_bytes: self.ring_size,
            budget: self.budget.get().into(),
            snap: self.snap,
            switches: self.switches(),
            gone_after: self.gone.ticks(),
            tunnel_ends: self.tunnels.tunnels().ends().to_vec(),
            log_level: messages_beside(level),
            pin_directory: self.pins.directory(),
            ..LoadOptions::default()
        }
    }

    /// The interfaces to attach to, and how.
    ///
    /// # Errors
    ///
    /// An interface is in two pairs.
    fn interfaces(&self) -> Result<interfaces::Plan> {
        let pairs = self.peer.iter().map(|pair| [pair.left.clone(), pair.right.clone()]);
        Ok(interfaces::Plan {
            patterns: daemon::interfaces(&self.iface, &self.peer)?,
            mode: self.mode.into(),
            pairs: pairs.collect(),
            exit_when_gone: self.exit_when_gone,
        })
    }

    /// What is switched on for as long as the programs run.
    fn switches(&self) -> u32 {
        let switch = |on, bit| if on { bit } else { 0 };
        self.tunnels.switches()
            | self.gone.switches()
            | switch(self.long_chains == LongChains::Drop, Switches::DROP_LONG_CHAINS)
            | switch(!self.peer.is_empty(), Switches::PEERS)
            | switch(self.dry_run, Switches::DRY_RUN)
    }

    /// How the session works with this many workers.
    fn plan(&self, workers: usize) -> Plan {
        let timeouts = Timeouts::default();
        let max_flows = self.tables.flows(workers);
        Plan {
            settings: Settings {
                timeouts: Some(timeouts),
                accounting: Accounting::Kernel,
                max_flows,
                normalise: self.streams.normalise(),
            },
            shares: self.tables.shares(workers),
            notes: self.tables.notes(workers),
            timeouts,
            budget: self.budget.get().into(),
            sweep_every: Duration::from_secs(self.sweep.get().into()),
        }
    }
}

/// The host's name (`uname(2)`).
fn host_name() -> String {
    let names = rustix::system::uname();
    ndpi_text::clean(&names.nodename().to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        run: RunArguments,
    }

    fn switches(words: &str) -> u32 {
        let words = format!("run {words}");
        let program = Program::try_parse_from(words.split_whitespace()).unwrap();
        program.run.load_options(LevelFilter::Info).switches
    }

    #[test]
    fn an_interface_has_a_name() {
        for wrong in [["run", "--iface", ""], ["run", "--iface", "a b"], ["run", "--peer", "a*=b"]]
        {
            assert!(Program::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_switch_has_its_option() {
        assert_eq!(switches("--iface eth0"), 0);
        assert_eq!(switches("--iface eth0 --long-chains pass"), 0);
        assert_eq!(switches("--iface eth0 --long-chains drop"), Switches::DROP_LONG_CHAINS);
        assert_eq!(switches("--iface eth0 --tunnels"), Switches::TUNNELS);
        let ends = switches("--iface eth0 --tunnels --tunnel-ends 198.18.0.0/24");
        assert_eq!(ends, Switches::TUNNELS | Switches::TUNNEL_ENDS);
        assert_eq!(switches("--peer eth0=eth1"), Switches::PEERS);
        assert_eq!(switches("--iface eth0 --dry-run"), Switches::DRY_RUN);
        let all = Switches::PEERS | Switches::TUNNELS | Switches::DROP_LONG_CHAINS;
        assert_eq!(switches("--peer a=b --tunnels --long-chains drop"), all);
    }
}
