//! `ndpi-xdp flows`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ipnet::IpNet;

use super::network::network;
use super::{InstanceOptions, NdpiOptions};
use crate::verdicts::{self, Query, View};

/// Show the flows that live now, decided and not, with the counters of each
#[derive(Args, Clone, Debug)]
pub struct FlowsArguments {
    /// Print one JSON object per line (docs/records.md)
    #[arg(long)]
    pub json: bool,

    /// Only flows with an end at this address or in this network. May be given several times, as the next two
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    pub net: Vec<IpNet>,

    /// Only flows with an end at this port
    #[arg(long, value_name = "PORT")]
    pub port: Vec<u16>,

    /// Only decided flows with this host, or one below it
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,

    /// Only flows that nobody has decided on
    #[arg(long, conflicts_with = "host")]
    pub undecided: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub instance: InstanceOptions,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub ndpi: NdpiOptions,
}

impl FlowsArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// No maps are pinned in the folder, they are of another version, or may not be read.
    pub fn run(self) -> Result<ExitCode> {
        let view = if self.json { View::Json } else { View::Table };
        let query = Query {
            nets: self.net,
            ports: self.port,
            with_undecided: self.host.is_empty(),
            without_decided: self.undecided,
            hosts: self.host,
            ..Query::default()
        };
        verdicts::show(&self.instance.pin_directory(), view, &query, &self.ndpi.into())
    }
}
