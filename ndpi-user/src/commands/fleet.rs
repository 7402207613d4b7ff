//! `ndpi-xdp fleet`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::NdpiOptions;
use crate::fleet::{Place, Push, Target, show_standing};

/// Give policies to instances that follow a bucket of a NATS server, and see what they made of them
#[derive(Args, Clone, Debug)]
pub struct FleetArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    Push(Box<FleetPushArguments>),
    Status(FleetStatusArguments),
}

impl FleetArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever kept the command from being done.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Push(arguments) => arguments.run(),
            Command::Status(arguments) => arguments.run(),
        }
    }
}

/// Check a policy and put it into the bucket, from which instances take it (docs/fleet.md)
///
/// Prints its revision. Exit status 1 if it has mistakes; then nothing is put there.
#[derive(Args, Clone, Debug)]
struct FleetPushArguments {
    /// The bucket: nats:HOST:PORT[,KEY=VALUE]…; keys are bucket (ndpi-policies), user, password-file, token-file
    #[arg(value_name = "BUCKET")]
    bucket: Place,

    /// Policy file; `-` for standard input, with lists relative to the current folder
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// For all instances of this site that have no policy of their own
    #[arg(long, value_name = "NAME", required_unless_present = "host", conflicts_with = "host")]
    site: Option<String>,

    /// For this instance, by the name that it has in records (`run --instance`)
    #[arg(long, value_name = "NAME")]
    host: Option<String>,

    /// Make the bucket where there is none
    #[arg(long)]
    create_bucket: bool,

    #[command(flatten)]
    ndpi: NdpiOptions,
}

impl FleetPushArguments {
    fn run(self) -> Result<ExitCode> {
        let site = self.site.map(Target::Site);
        let target = site.or(self.host.map(Target::Host)).unwrap_or(Target::Site(String::new()));
        let push = Push {
            place: self.bucket,
            file: self.file,
            target,
            creates_bucket: self.create_bucket,
            engine: self.ndpi.into(),
        };
        push.run()
    }
}

/// Show which policy each instance is to have, which it has, and what is wrong with one that it refused
///
/// Exit status 1 if an instance has not the policy that it is to have.
#[derive(Args, Clone, Debug)]
struct FleetStatusArguments {
    /// The bucket: nats:HOST:PORT[,KEY=VALUE]…; keys are bucket (ndpi-policies), user, password-file, token-file
    #[arg(value_name = "BUCKET")]
    bucket: Place,

    /// Print one JSON object per instance and line
    #[arg(long)]
    json: bool,
}

impl FleetStatusArguments {
    fn run(self) -> Result<ExitCode> {
        show_standing(&self.bucket, self.json)
    }
}
