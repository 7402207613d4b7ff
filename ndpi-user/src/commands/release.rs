//! `ndpi-xdp release`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{ArgGroup, Args};
use ndpi_events::Released;

use super::InstanceOptions;
use crate::releases;

/// Let something pass for a time, whatever the policy of the running ndpi-xdp says
///
/// Verdicts that block it are taken back at once, also those that an earlier instance or the first packet of a flow
/// has led to. It ends by itself: then the policy holds again, for flows that go on as well. Reloads of the policy and
/// restarts of ndpi-xdp leave it in force.
#[derive(Args, Clone, Debug)]
#[command(group(ArgGroup::new("what").required(true)))]
pub struct ReleaseArguments {
    /// Flows between these two ends to the same port of the server, as `flows` shows them:
    /// '198.18.0.1:40000 → 198.18.0.2:443', with `tcp` or another protocol behind it if only that is meant
    #[arg(value_name = "FLOW", group = "what")]
    pub flow: Option<String>,

    /// Flows to this host or one below it
    #[arg(long, value_name = "NAME", group = "what")]
    pub host: Option<String>,

    /// Flows of this application, or carried by this protocol
    #[arg(long, value_name = "NAME", group = "what")]
    pub app: Option<String>,

    /// Show what is released
    #[arg(long, group = "what")]
    pub list: bool,

    /// End the release of this number
    #[arg(long, value_name = "NUMBER", group = "what")]
    pub end: Option<u32>,

    /// For how long, such as 90s, 10m, 2h or 1d
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = ndpi_export::duration, conflicts_with_all = ["list", "end"])]
    pub r#for: Duration,

    /// Print one JSON object per line (docs/records.md)
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub instance: InstanceOptions,
}

impl ReleaseArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// No instance is running, or it could not be asked or refused.
    pub fn run(self) -> Result<ExitCode> {
        let Self { flow, host, app, list: _, end, r#for: lasts, json, instance } = self;
        let pin_dir = instance.pin_directory();
        let flow = flow.map(Released::Flow);
        let what = flow.or(host.map(Released::Host)).or(app.map(Released::App));
        match (what, end) {
            (Some(what), _) => releases::make(&pin_dir, what, lasts, json),
            (None, Some(number)) => releases::end(&pin_dir, number, json),
            (None, None) => releases::list(&pin_dir, json),
        }
    }
}
