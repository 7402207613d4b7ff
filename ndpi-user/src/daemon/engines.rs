//! Where nDPI works: in a process of its own, or in this one with `--no-sandbox`.

use anyhow::{Context as _, Result};
use crossbeam::channel::Sender;
use ndpi::{Engine, Library};
use ndpi_policy::Vocabulary;

use super::options::Options;
use super::policy::Readers;
use crate::apart::{CrashFolder, Engines, Keeper, Watch};
use crate::live::Control;
use crate::record::Names;

/// nDPI, as a session has it.
pub(super) struct Ndpi {
    pub(super) library: Library,
    pub(super) vocabulary: Vocabulary,
    pub(super) names: Names,
    pub(super) engines: Engines,
    /// What ends the process that it works in; to be dropped last.
    pub(super) keeper: Option<Keeper>,
}

impl Options {
    /// Loads it, and puts it apart. To be called before there are threads and before something is open.
    ///
    /// # Errors
    /// It cannot be used, or there can be no process.
    pub(super) fn ndpi(&self) -> Result<Ndpi> {
        let library = self.engine.library()?;
        let engines = self.engines(&library)?;
        let (vocabulary, names) = (Vocabulary::of(&engines[0]), Names::of(&engines[0]));
        let (engines, keeper) = self.put_apart(engines)?;
        Ok(Ndpi { library, vocabulary, names, engines, keeper })
    }

    /// One engine for each worker. They share what they learn of peers: the DNS answer that gives a
    /// server its name is another flow, and may be another worker's.
    fn engines(&self, library: &Library) -> Result<Vec<Engine>> {
        if self.workers == 1 {
            return Ok(vec![self.engine.engine(library)?]);
        }
        let caches = library.shared_caches()?;
        (0..self.workers).map(|_| self.engine.sharing_engine(&caches)).collect()
    }

    /// Has them work in a process of their own, which has no rights.
    fn put_apart(&self, engines: Vec<Engine>) -> Result<(Engines, Option<Keeper>)> {
        if !self.sandbox {
            return Ok((Engines::Here(engines), None));
        }
        let crashes = self.crash_captures.as_deref().map(CrashFolder::at).transpose()?;
        let (keeper, engines) = Keeper::fork(engines, crashes, self.memory_max)
            .context("cannot start the process that nDPI is to work in")?;
        Ok((Engines::Apart(engines), Some(keeper)))
    }
}

/// Reports how that process fares, and those that have policies read, and ends the session should nDPI's be gone for good.
///
/// # Errors
/// There can be no thread.
pub(super) fn watch(
    keeper: Option<&Keeper>,
    readers: &Readers,
    control: &Sender<Control>,
) -> Result<Option<Watch>> {
    let failed = "cannot start a thread";
    readers.watch().context(failed)?;
    let control = control.clone();
    // Nobody listens where the session is ending.
    let stop = move || drop(control.send(Control::Stop));
    keeper.map(|keeper| keeper.watch(stop)).transpose().context(failed)
}
