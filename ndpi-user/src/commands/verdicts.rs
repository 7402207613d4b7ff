//! `ndpi-xdp verdicts`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::builder::TypedValueParser as _;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use ndpi_common::Action;

use super::network::network;
use super::{InstanceOptions, NdpiOptions};
use crate::verdicts::{self, Query, Sort, View};

/// Show the verdicts in the kernel, with the counters of each flow
#[derive(Args, Clone, Debug)]
pub struct VerdictsArguments {
    /// Print one JSON object per line; as they are found, unless an order is asked for
    #[arg(long)]
    pub json: bool,

    /// Only flows of this application, or carried by this protocol, by name or number. May be given several
    /// times, as the next six
    #[arg(long, value_name = "NAME")]
    pub app: Vec<String>,

    /// Only flows of this category, by name or number
    #[arg(long, value_name = "NAME")]
    pub category: Vec<String>,

    /// Only flows with this action
    #[arg(long, value_name = "ACTION", value_parser = action())]
    pub action: Vec<Action>,

    /// Only flows that the rule of this name decided
    #[arg(long, value_name = "NAME")]
    pub rule: Vec<String>,

    /// Only flows with an end at this address or in this network
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    pub net: Vec<IpNet>,

    /// Only flows with an end at this port
    #[arg(long, value_name = "PORT")]
    pub port: Vec<u16>,

    /// Only flows with this host, or one below it, as the running instance knows them
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,

    /// Show the largest first [default: the newest last]
    #[arg(long, value_enum, value_name = "BY")]
    pub sort: Option<Order>,

    /// Show this many at most: the first by --sort, or the newest
    #[arg(long, value_name = "N")]
    pub top: Option<NonZeroUsize>,

    /// Show them again every so many seconds, until interrupted
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", conflicts_with = "json")]
    pub watch: Option<NonZeroU32>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub instance: InstanceOptions,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub ndpi: NdpiOptions,
}

impl VerdictsArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// No maps are pinned in the folder, they are of another version, or may not be read.
    pub fn run(self) -> Result<ExitCode> {
        let view = match (self.json, self.watch) {
            (true, _) => View::Json,
            (false, Some(seconds)) => View::Watch(Duration::from_secs(seconds.get().into())),
            (false, None) => View::Table,
        };
        let query = Query {
            apps: self.app,
            categories: self.category,
            actions: self.action,
            rules: self.rule,
            nets: self.net,
            ports: self.port,
            hosts: self.host,
            sort: self.sort.map(Into::into),
            top: self.top.map(NonZeroUsize::get),
            ..Query::default()
        };
        verdicts::show(&self.instance.pin_directory(), view, &query, &self.ndpi.into())
    }
}

/// What the order goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// Since when they have stood.
    Age,
    /// How long no packet has come.
    Idle,
    /// Packets since the verdict.
    Packets,
    /// Bytes since the verdict.
    Bytes,
    /// Packets that were dropped.
    Dropped,
}

impl From<Order> for Sort {
    fn from(order: Order) -> Self {
        match order {
            Order::Age => Self::Age,
            Order::Idle => Self::Idle,
            Order::Packets => Self::Packets,
            Order::Bytes => Self::Bytes,
            Order::Dropped => Self::Dropped,
        }
    }
}

fn action() -> impl clap::builder::TypedValueParser<Value = Action> {
    clap::builder::PossibleValuesParser::new(Action::ALL.map(Action::name)).map(|name| {
        let found = Action::ALL.into_iter().find(|action| action.name() == name);
        found.unwrap_or(Action::None)
    })
}
