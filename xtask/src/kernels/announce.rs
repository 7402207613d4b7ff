//! The commands that are run, on the terminal.

use crate::process;

/// Says what is done on this machine, as a person would type it.
pub(super) fn announce(command: &std::process::Command) {
    eprintln!("kernels: {}", process::shown(command));
}
