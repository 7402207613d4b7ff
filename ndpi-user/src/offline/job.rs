//! The job of a run over captures, the same for all sets and threads.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;

use anyhow::{Context as _, Result};
use ndpi::{Engine, Library, SharedCaches};
use ndpi_capture::link::Tunnels;
use ndpi_flow::Settings;
use ndpi_policy::{Policy, Support, Vocabulary};

use super::options::Options;
use crate::captures::{
    Folders, Format, Found, Recording, Sandbox, Stop, reading, reading_with_lists,
};
use crate::engine_setup::EngineSetup;
use crate::locked::locked;
use crate::policy_files::{PolicyFiles, say_warnings, unusable};
use crate::record::Names;

/// The options, checked, and what was made of them.
pub(super) struct Job {
    /// Each set's captures.
    pub(super) sets: Vec<Vec<PathBuf>>,
    /// Those that their records' names begin below.
    pub(super) folders: Folders,
    pub(super) format: Format,
    pub(super) tunnels: Tunnels,
    pub(super) settings: Settings,
    pub(super) threads: usize,
    pub(super) rows: usize,
    pub(super) policy: Option<Arc<Policy>>,
    pub(super) names: Names,
    pub(super) stop: Stop,
    sandbox: Sandbox,
    library: Library,
    setup: EngineSetup,
    /// The engine that names were taken from: the first set gets it.
    first: Mutex<Option<First>>,
}

/// An engine made before its set is read.
struct First {
    engine: Engine,
    /// What it shares with others, where a set is spread.
    caches: Option<SharedCaches>,
}

impl Job {
    /// The job of reading the captures that were `found`.
    pub(super) fn new(options: Options, found: Found) -> Result<Self> {
        let library = options.engine.library()?;
        let sets = sets(found.captures, options.join);
        let threads = threads(options.threads, sets.len());
        let first = First::new(&library, &options.engine, threads > sets.len())?;
        let policy = match &options.policy {
            None => None,
            Some(path) => {
                let vocabulary = Vocabulary::of(&first.engine);
                let files = PolicyFiles::as_they_are();
                let policy = ndpi_policy::load(path, &vocabulary, Support::THIS_BUILD, &files);
                let policy = policy.map_err(unusable)?;
                say_warnings(&policy);
                Some(Arc::new(policy.at(options.at)))
            }
        };
        Ok(Self {
            folders: found.folders,
            format: options.format,
            tunnels: options.tunnels,
            settings: options.settings,
            threads,
            rows: options.rows,
            names: Names::of(&first.engine),
            stop: Stop::listen().context("cannot take signals")?,
            sandbox: options.sandbox,
            sets,
            policy,
            library,
            setup: options.engine,
            first: Mutex::new(Some(first)),
        })
    }

    /// Has this process give up what it does not need from here on; what those that it forks give up
    /// besides.
    pub(super) fn confine(&self, forks: bool) -> Sandbox {
        let captures = self.sets.iter().flatten().map(PathBuf::as_path);
        self.sandbox.enter(&if forks {
            // They have their engine from here.
            reading(captures).forks()
        } else {
            reading_with_lists(captures, &self.setup)
        })
    }

    /// Whether records tell of tunnels.
    pub(super) fn shows_tunnels(&self) -> bool {
        self.tunnels.are_open() && self.format != Format::Text
    }

    /// A fresh engine.
    pub(super) fn engine(&self) -> Result<Engine> {
        let first = self.take_first();
        first.map_or_else(|| self.setup.engine(&self.library), |first| Ok(first.engine))
    }

    /// Fresh engines, one for each thread, that share what they learn of peers.
    pub(super) fn sharing_engines(&self) -> Result<Vec<Engine>> {
        let mut engines = Vec::with_capacity(self.threads);
        let caches = match self.take_first() {
            Some(First { engine, caches: Some(caches) }) => {
                engines.push(engine);
                caches
            }
            _ => self.library.shared_caches()?,
        };
        while engines.len() < self.threads {
            engines.push(self.setup.sharing_engine(&caches)?);
        }
        Ok(engines)
    }

    fn take_first(&self) -> Option<First> {
        locked(&self.first).take()
    }

    /// What is recorded and how.
    pub(super) fn recording(&self) -> Recording<'_> {
        Recording { format: self.format, names: &self.names, policy: self.policy.as_ref() }
    }
}

impl First {
    fn new(library: &Library, setup: &EngineSetup, sharing: bool) -> Result<Self> {
        if !sharing {
            return Ok(Self { engine: setup.engine(library)?, caches: None });
        }
        let caches = library.shared_caches()?;
        Ok(Self { engine: setup.sharing_engine(&caches)?, caches: Some(caches) })
    }
}

fn sets(files: Vec<PathBuf>, join: bool) -> Vec<Vec<PathBuf>> {
    if join { vec![files] } else { files.into_iter().map(|file| vec![file]).collect() }
}

/// As many as asked for; else one for each set, as far as there are CPUs.
fn threads(asked: Option<NonZeroUsize>, sets: usize) -> usize {
    let cpus = || available_parallelism().map_or(1, NonZeroUsize::get);
    asked.map_or_else(|| sets.min(cpus()), NonZeroUsize::get)
}
