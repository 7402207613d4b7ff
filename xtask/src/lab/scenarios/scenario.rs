//! A scenario and its scene.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::lab::findings::{Findings, Report};
use crate::lab::interrupt;
use crate::lab::stage::Stage;

/// One scenario.
pub(in crate::lab) struct Scenario {
    /// What it is called on the command line.
    pub(in crate::lab) name: &'static str,
    /// What it shows.
    pub(in crate::lab) about: &'static str,
    /// The names of servers that it uses.
    pub(super) names: fn() -> Vec<&'static str>,
    pub(super) play: fn(&Scene, &mut Findings) -> Result<()>,
}

/// The stage, and a folder of the scenario's own.
pub(super) struct Scene<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) folder: PathBuf,
}

impl Scene<'_> {
    /// Writes `content` to `name` in the scenario's folder.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let file = self.folder.join(name);
        fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }
}

impl Scenario {
    /// Carries it out. What kept it from being carried out is one of its findings; only who was
    /// asked to end fails.
    pub(in crate::lab) fn run(&self, stage: &Stage) -> Result<Report> {
        let started = Instant::now();
        let mut findings = Findings::default();
        if let Err(error) = self.play(stage, &mut findings) {
            interrupt::check()?;
            findings.check("it can be carried out", false, format!("{error:#}"));
        }
        Ok(Report { name: self.name, took: started.elapsed(), findings })
    }

    fn play(&self, stage: &Stage, findings: &mut Findings) -> Result<()> {
        let folder = stage.folder.join(self.name);
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        (self.play)(&Scene { stage, folder }, findings)
    }
}
