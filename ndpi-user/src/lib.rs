//! The parts of `ndpi-xdp`: sources of samples, classifier, policy, verdict store, sinks, commands.

#![cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "much of it is for commands alone")
)]

pub mod apart;
mod captures;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
#[cfg(feature = "cli")]
pub mod commands;
pub mod control;
mod counters;
mod courier;
mod daemon;
pub mod enforce;
pub mod engine_setup;
pub mod files;
pub mod fleet;
mod hosts;
pub mod interfaces;
mod listing;
pub mod live;
mod locked;
mod logging;
pub mod memory;
pub mod metrics;
mod offline;
pub mod policy_files;
mod policy_reader;
mod policy_tools;
pub mod record;
mod releases;
mod replay;
pub mod report;
mod rights;
pub mod snapshot;
mod status;
mod stdout;
#[cfg(test)]
mod testing;
mod verdicts;
