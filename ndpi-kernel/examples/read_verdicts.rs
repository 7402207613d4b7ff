//! Prints the verdicts that a running `ndpi-xdp` has pinned, with what each flow sent since. Needs root.
//!
//! ```sh
//! cargo build --package ndpi-kernel --example read_verdicts
//! sudo target/debug/examples/read_verdicts [PIN_DIRECTORY]
//! ```

use std::path::PathBuf;

use anyhow::Result;
use ndpi_common::Action;
use ndpi_kernel::pinned;

fn main() -> Result<()> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from);
    let pinned = pinned::open(directory.as_deref())?;
    if !pinned.running {
        eprintln!("process {} is gone: nothing enforces these verdicts", pinned.instance.pid);
    }
    for entry in pinned.verdicts.entries() {
        let (key, verdict) = entry?;
        let ((a, a_port), (b, b_port)) = (key.lower(), key.upper());
        let action = Action::from_byte(verdict.action).map_or("unknown", Action::name);
        let (lower, upper) = (verdict.lower(), verdict.upper());
        println!(
            "{a} port {a_port}, {b} port {b_port}, protocol {}: {action}, {} packets, {} bytes",
            key.proto(),
            lower.packets + upper.packets,
            lower.bytes + upper.bytes,
        );
    }
    Ok(())
}
