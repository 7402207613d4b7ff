//! `ndpi-xdp`: labels every flow that crosses an interface and lets the kernel act on the label.

use std::process::ExitCode;

use clap::Parser;
use ndpi_user::cli::{Cli, failed};

fn main() -> ExitCode {
    Cli::parse().run().unwrap_or_else(|error| failed(&error))
}
