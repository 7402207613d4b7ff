//! `ndpi-xdp policy`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use log::LevelFilter;
use ndpi_policy::{EXAMPLE, SCHEMA};

use super::moment::moment;
use super::{Context, InstanceOptions, NdpiOptions, SandboxOptions};
use crate::policy_tools::{self, Check, Explain};
use crate::stdout::print;

/// Check policies, explain their decisions, and reload a running instance's
#[derive(Args, Clone, Debug)]
pub struct PolicyArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    Check(CheckArguments),
    Explain(ExplainArguments),
    Reload(ReloadArguments),
    /// Print the JSON Schema of policies, for editors
    Schema,
    /// Print a commented policy to start from
    Example,
}

impl PolicyArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever kept the command from being done.
    pub fn run(self, context: Context) -> Result<ExitCode> {
        match self.command {
            Command::Check(arguments) => arguments.run(context),
            Command::Explain(arguments) => arguments.run(),
            Command::Reload(arguments) => arguments.run(),
            Command::Schema => print(SCHEMA),
            Command::Example => print(EXAMPLE),
        }
    }
}

/// Report everything that is wrong with a policy
///
/// Shows all problems at once: mistakes, with which the policy cannot be used, and warnings, such as
/// rules that can never match. Exit status 1 if there is any, so that 0 means a clean policy; hints at
/// what may have been meant otherwise do not count. With -v, lists what each rule takes by the categories
/// and groups that it names.
#[derive(Args, Clone, Debug)]
pub struct CheckArguments {
    /// Policy file; `-` for standard input, with lists relative to the current folder
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub ndpi: NdpiOptions,
}

impl CheckArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// nDPI, whose names the policy uses, cannot be loaded or set up.
    pub fn run(self, context: Context) -> Result<ExitCode> {
        let members = context.log_level >= LevelFilter::Debug;
        Check { file: self.file, json: self.json, members, engine: self.ndpi.into() }.run()
    }
}

/// Explain which rule decides a flow, and why the earlier ones do not
#[derive(Args, Clone, Debug)]
pub struct ExplainArguments {
    /// Policy file; `-` for standard input, with lists relative to the current folder
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// A flow, such as `host=www.facebook.com` or `app=TLS.Facebook dst=198.18.0.1:443`. Keys are app,
    /// category, breed, risk, host, ja4, alpn, src, dst, port, proto, vlan, iface, confidence, guessed,
    /// incomplete, evasion, state and time. Missing ones follow: app from host, as in nDPI; category and breed
    /// from app
    #[arg(long, value_name = "WORDS", required_unless_present = "capture")]
    pub flow: Vec<String>,

    /// Explain all flows of a capture (pcap or pcapng)
    #[arg(long, value_name = "FILE")]
    pub capture: Vec<PathBuf>,

    /// Ask schedules as of this time, not of now or of a capture's own: `2026-11-23T12:00:00Z`, or
    /// in local time `2026-11-23 12:00`, `12:00` or `sat 12:00`
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub at: Option<Timestamp>,

    /// Print one JSON object per flow and line
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub sandbox: SandboxOptions,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub ndpi: NdpiOptions,
}

impl ExplainArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// nDPI, the policy, a flow's description or a capture cannot be used.
    pub fn run(self) -> Result<ExitCode> {
        let explain = Explain {
            file: self.file,
            flows: self.flow,
            captures: self.capture,
            at: self.at,
            json: self.json,
            engine: self.ndpi.into(),
            sandbox: self.sandbox.sandbox(),
        };
        explain.run()
    }
}

/// Have the running ndpi-xdp reload its policy, and report the result
///
/// Returns when every verdict in the kernel is one of the new policy. Exit status 1 if the policy was
/// refused; then the one before stays in force.
#[derive(Args, Clone, Debug)]
pub struct ReloadArguments {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub instance: InstanceOptions,
}

impl ReloadArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// No instance is running, or it could not be asked or refused.
    pub fn run(self) -> Result<ExitCode> {
        policy_tools::reload(&self.instance.pin_directory(), self.json)
    }
}
