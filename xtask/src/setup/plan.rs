//! Finds what a command lacks before anything is compiled.

use std::fmt;
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};

use super::packages::{self, Package};
use super::step::Step;
use super::{bpf_linker, components, core_source, ndpi, readers};
use crate::workspace::Workspace;
use crate::{manner, sudo};

/// What a command needs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Need<'a> {
    /// Programs of the distribution.
    pub(crate) programs: &'a [&'a str],
    /// The library.
    pub(crate) ndpi: bool,
    /// What compiles the BPF programs.
    pub(crate) object: bool,
    /// What checks sources, and what reads in tests what the program writes.
    pub(crate) checks: bool,
    /// What root's rights are needed for afterwards: they are asked for before anything is compiled.
    pub(crate) root: Option<&'static str>,
}

impl Need<'_> {
    pub(crate) fn everything() -> Self {
        Need { programs: &packages::ALL, ndpi: true, object: true, checks: true, root: None }
    }
}

/// What there is to do.
pub(crate) struct Plan<'a> {
    workspace: &'a Workspace,
    packages: Vec<Package>,
    /// What is missing, step by step.
    steps: Vec<(&'static Step, String)>,
    root: Option<&'static str>,
}

impl<'a> Plan<'a> {
    /// Looks what is missing.
    pub(crate) fn make(workspace: &'a Workspace, need: &Need) -> Self {
        let wanted: [(bool, &'static Step); 5] = [
            (need.object, &core_source::STEP),
            (need.object, &bpf_linker::STEP),
            (need.checks, &components::STEP),
            (need.ndpi, &ndpi::STEP),
            (need.checks, &readers::STEP),
        ];
        let steps: Vec<(&Step, String)> = wanted
            .into_iter()
            .filter(|(wanted, _)| *wanted)
            .filter_map(|(_, step)| Some((step, (step.missing)(workspace)?)))
            .collect();
        let mut programs = need.programs.to_vec();
        if steps.iter().any(|(step, _)| step.what == ndpi::STEP.what) {
            programs.extend(ndpi::programs());
        }
        if steps.iter().any(|(step, _)| step.what == readers::STEP.what) {
            programs.push("pip3");
        }
        Self { workspace, packages: packages::missing(&programs), steps, root: need.root }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.steps.is_empty()
    }

    pub(crate) fn wants_packages(&self) -> bool {
        !self.packages.is_empty()
    }

    /// The same without installing programs.
    pub(crate) fn without_packages(mut self) -> Self {
        self.packages.clear();
        self
    }

    /// Fails where it cannot be carried out, as far as that can be known, and gets the rights that it
    /// takes.
    pub(crate) fn check(&self) -> Result<()> {
        let installs = self.wants_packages() || self.steps.iter().any(|(step, _)| step.installs);
        if installs && !manner::may_install() {
            let by_hand = packages::by_hand(&self.packages);
            bail!("missing, and not to be installed (--no-install):\n{self}{by_hand}");
        }
        if self.wants_packages() {
            packages::can_install(&self.packages)?;
            sudo::ask("installing packages of the distribution").with_context(|| {
                format!("missing:\n{self}{}", packages::by_hand(&self.packages))
            })?;
        }
        self.root.map_or(Ok(()), sudo::ask)
    }

    /// Provides all of it; packages first, since the steps use some.
    pub(crate) fn carry_out(&self) -> Result<()> {
        let (early, late): (Vec<_>, Vec<_>) =
            self.steps.iter().partition(|(step, _)| !step.takes_packages);
        thread::scope(|scope| {
            let packages = scope.spawn(|| {
                packages::install(&self.packages, self.workspace)?;
                self.provide(&late)
            });
            self.provide(&early)?;
            packages.join().map_err(|_| anyhow!("the thread that installs panicked"))?
        })
    }

    fn provide(&self, steps: &[&(&'static Step, String)]) -> Result<()> {
        steps.iter().try_for_each(|(step, missing)| {
            eprintln!("setup: {}: {missing}; needed {}", step.what, step.why);
            (step.provide)(self.workspace)
                .with_context(|| format!("setup of {} failed", step.what))?;
            match (step.missing)(self.workspace) {
                Some(missing) => bail!("setup of {} ended well, and yet: {missing}", step.what),
                None => Ok(()),
            }
        })
    }
}

impl fmt::Display for Plan<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for package in &self.packages {
            writeln!(formatter, "  {package}")?;
        }
        self.steps
            .iter()
            .try_for_each(|(step, missing)| writeln!(formatter, "  {}: {missing}", step.what))
    }
}
