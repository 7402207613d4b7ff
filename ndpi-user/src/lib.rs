//! The parts of `ndpi-xdp`: sources of samples, classifier, policy, verdict store, sinks, commands.

pub mod cli;
mod clock;
pub mod commands;
pub mod control;
pub mod enforce;
pub mod export;
pub mod files;
pub mod interfaces;
pub mod live;
mod logging;
pub mod offline;
pub mod policy_files;
pub mod record;
pub mod reject;
pub mod report;
mod rights;
#[cfg(test)]
mod testing;
