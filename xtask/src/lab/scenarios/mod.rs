//! Scenarios of what policies do: on the same network, with a policy and expectations of its
//! own.
//!
//! Each scenario first shows that all it is going to block is answered without a policy, and has a
//! witness beside `ndpi-xdp`'s own records: what the clients got, and what the ends of the network
//! counted.

mod allow_list;
mod changing;
mod clock;
mod first_packet;
mod host;
mod limit;
mod meter;
mod odd;
mod reject;
mod reload;
mod schedule;
mod traffic;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::findings::{Findings, Report};
use super::interrupt;
use super::stage::Stage;

/// One scenario.
pub(super) struct Scenario {
    /// What it is called on the command line.
    pub(super) name: &'static str,
    /// What it shows.
    pub(super) about: &'static str,
    /// The names of servers that it uses.
    names: fn() -> Vec<&'static str>,
    play: fn(&Scene, &mut Findings) -> Result<()>,
}

/// All scenarios, in the order they are carried out.
pub(super) const ALL: [Scenario; 8] = [
    host::SCENARIO,
    allow_list::SCENARIO,
    reject::SCENARIO,
    schedule::SCENARIO,
    reload::SCENARIO,
    limit::SCENARIO,
    odd::SCENARIO,
    first_packet::SCENARIO,
];

/// The names of servers that the scenarios use.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().flat_map(|scenario| (scenario.names)())
}

/// The stage, and a folder of the scenario's own.
struct Scene<'a> {
    stage: &'a Stage<'a>,
    folder: PathBuf,
}

impl Scene<'_> {
    /// Writes `content` to `name` in the scenario's folder.
    fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let file = self.folder.join(name);
        fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }
}

impl Scenario {
    /// Carries it out. What kept it from being carried out is one of its findings; only who was
    /// asked to end fails.
    pub(super) fn run(&self, stage: &Stage) -> Result<Report> {
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
