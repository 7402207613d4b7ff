//! The job of a replay, the same for all captures.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use ndpi::{Engine, Library};
use ndpi_capture::link::Tunnels;
use ndpi_confine::{Confinement, MAP_COMMANDS, TEST_RUN};
use ndpi_flow::Settings;
use ndpi_policy::{Policy, Support, Vocabulary};

use super::options::Options;
use crate::captures::{Folders, Format, Recording, Stop, reading_with_lists};
use crate::engine_setup::EngineSetup;
use crate::policy_files::{PolicyFiles, say_warnings, unusable};
use crate::record::Names;

/// Where it says how many values a map has that has one for each CPU.
const POSSIBLE_CPUS: &str = "/sys/devices/system/cpu/possible";

/// The options, checked, and what was made of them.
pub(super) struct Job {
    /// Those that their records' names begin below.
    pub(super) folders: Folders,
    pub(super) format: Format,
    /// Whether each packet is written down.
    pub(super) packets: bool,
    pub(super) tunnels: Tunnels,
    pub(super) settings: Settings,
    pub(super) policy: Option<Arc<Policy>>,
    pub(super) stop: Stop,
    names: Names,
    library: Library,
    setup: EngineSetup,
}

impl Job {
    /// The job, and the engine that its names were taken from: the first capture gets it.
    pub(super) fn new(options: Options, folders: Folders) -> Result<(Self, Engine)> {
        let library = options.engine.library()?;
        let engine = options.engine.engine(&library)?;
        let policy = match &options.policy {
            None => None,
            Some(path) => {
                // All that there is can be replayed.
                let policy = ndpi_policy::load(
                    path,
                    &Vocabulary::of(&engine),
                    Support::ALL,
                    &PolicyFiles::as_they_are(),
                );
                let policy = policy.map_err(unusable)?;
                say_warnings(&policy);
                Some(Arc::new(policy.at(options.at)))
            }
        };
        let job = Self {
            folders,
            format: options.format,
            packets: options.packets,
            tunnels: options.tunnels,
            settings: options.settings,
            policy,
            stop: Stop::listen().context("cannot take signals")?,
            names: Names::of(&engine),
            library,
            setup: options.engine,
        };
        Ok((job, engine))
    }

    /// What the process keeps once the programs are loaded: it runs them on packets, and writes their maps.
    pub(super) fn keeps(&self, captures: &[PathBuf]) -> Confinement {
        let captures = captures.iter().map(PathBuf::as_path);
        let reading = reading_with_lists(captures, &self.setup).reads(POSSIBLE_CPUS);
        reading.bpf(&MAP_COMMANDS).bpf(&[TEST_RUN])
    }

    /// Whether records tell of tunnels.
    pub(super) fn shows_tunnels(&self) -> bool {
        self.tunnels.are_open() && self.format != Format::Text
    }

    /// A fresh engine.
    pub(super) fn engine(&self) -> Result<Engine> {
        self.setup.engine(&self.library)
    }

    /// What is recorded and how.
    pub(super) fn recording(&self) -> Recording<'_> {
        Recording { format: self.format, names: &self.names, policy: self.policy.as_ref() }
    }
}
