//! `ndpi-xdp`: labels every flow that crosses an interface and lets the kernel act on the label.

use clap::Parser;

#[derive(Parser)]
#[command(version, about)]
struct Cli {}

fn main() {
    let Cli {} = Cli::parse();
}
