//! The commands: the structures of their arguments (`clap`), and one call each to the part that does the
//! work. Nothing outside of this module and `cli.rs` knows of a command line.

mod completions;
mod courier;
mod detach;
mod fleet;
mod flows;
mod follower;
mod instance_options;
mod list;
mod man;
mod moment;
mod ndpi_options;
mod network;
mod pcap;
mod policy;
mod release;
mod replay;
mod reset_counters;
mod run;
mod sandbox_options;
mod status;
mod stream_options;
mod tunnel_options;
mod verdicts;

pub use completions::CompletionsArguments;
pub use courier::CourierArguments;
pub use detach::DetachArguments;
pub use fleet::FleetArguments;
pub use flows::FlowsArguments;
pub use follower::FollowerArguments;
pub use instance_options::InstanceOptions;
pub use list::{Kind, ListArguments};
pub use man::ManArguments;
pub use ndpi_options::NdpiOptions;
pub use pcap::PcapArguments;
pub use policy::{CheckArguments, ExplainArguments, PolicyArguments, ReloadArguments};
pub use release::ReleaseArguments;
pub use replay::ReplayArguments;
pub use reset_counters::ResetCountersArguments;
pub use run::RunArguments;
pub use sandbox_options::SandboxOptions;
pub use status::StatusArguments;
pub use stream_options::StreamOptions;
pub use tunnel_options::{CaptureTunnelOptions, TunnelOptions};
pub use verdicts::VerdictsArguments;

use crate::captures::Format;

/// The format of the output, by the switches `--json` and `--csv`, of which there is one at most.
fn format(json: bool, csv: bool) -> Format {
    match (json, csv) {
        (true, _) => Format::Json,
        (_, true) => Format::Csv,
        _ => Format::Text,
    }
}

/// What every command is given.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// How much is said on standard error; the kernel side's own log level follows it.
    pub log_level: log::LevelFilter,
}
