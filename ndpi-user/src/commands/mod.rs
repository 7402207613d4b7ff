//! The commands, one file each: arguments, and a `run` that calls the parts of the library.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use ndpi_policy::{Diagnostics, Policy};

use crate::files::Onlooker;
use crate::logging;
use crate::policy_files::for_caller_of_sudo;

mod captures;
mod detach;
mod list;
mod moment;
mod ndpi_options;
mod network;
mod pcap;
mod policy;
mod replay;
mod run;
mod tunnel_options;
mod verdicts;

pub use detach::DetachArguments;
pub use list::{Kind, ListArguments};
pub use ndpi_options::{NdpiOptions, Setting};
pub use pcap::PcapArguments;
pub use policy::{CheckArguments, ExplainArguments, PolicyArguments, ReloadArguments};
pub use replay::ReplayArguments;
pub use run::RunArguments;
pub use tunnel_options::{CaptureTunnelOptions, TunnelOptions};
pub use verdicts::VerdictsArguments;

/// Says what is suspicious about a policy that is used all the same.
fn say_warnings(policy: &Policy) {
    if !policy.diagnostics().problems().is_empty() {
        let diagnostics = policy.diagnostics().clone();
        let diagnostics = for_caller_of_sudo(diagnostics, Onlooker::behind_sudo().as_ref());
        logging::say(&format!("{}\n", diagnostics.render(false)));
    }
}

/// What every command is given.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// How much is said on standard error; the kernel side's own log level follows it.
    pub log_level: log::LevelFilter,
}

/// Writes to standard output. That nobody reads on (`| head`) is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<ExitCode> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What is wrong with a policy, as an error; without lines that whoever called sudo may not read.
pub(crate) fn unusable(problems: Diagnostics) -> anyhow::Error {
    anyhow!("{}", for_caller_of_sudo(problems, Onlooker::behind_sudo().as_ref()))
}
