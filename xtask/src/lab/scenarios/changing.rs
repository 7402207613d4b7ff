//! A policy file that changes under a running `ndpi-xdp`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use super::Scene;
use crate::lab::router::Router;

/// How `ndpi-xdp` comes to know of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The file is renamed over the one before, which `ndpi-xdp` notices by itself.
    Rename,
    /// The folder is exchanged, which shows in no folder that it watches, and it gets SIGHUP.
    Signal,
}

pub(super) const WAYS: [Way; 2] = [Way::Rename, Way::Signal];

/// The policy file, in one of two folders; a link leads to the one that counts.
pub(super) struct Changing {
    root: PathBuf,
    /// Which folder the link leads to.
    folder: usize,
}

impl Changing {
    /// Writes the first policy.
    pub(super) fn new(scene: &Scene, policy: &str) -> Result<Self> {
        let root = scene.folder.clone();
        let changing = Self { root, folder: 0 };
        for folder in 0..2 {
            fs::create_dir(changing.folder(folder))?;
        }
        fs::write(changing.folder(0).join("policy.toml"), policy)?;
        changing.link()?;
        Ok(changing)
    }

    /// Where `ndpi-xdp` finds the policy.
    pub(super) fn path(&self) -> PathBuf {
        self.root.join("now/policy.toml")
    }

    /// Puts `policy` in the place of the one before, so that `router` comes to know by this way.
    pub(super) fn change(&mut self, way: Way, policy: &str, router: &Router) -> Result<()> {
        self.put(way, policy).context("cannot change the policy file")?;
        match way {
            Way::Rename => Ok(()),
            Way::Signal => router.signal(Signal::HUP),
        }
    }

    fn put(&mut self, way: Way, policy: &str) -> Result<()> {
        if way == Way::Rename {
            let new = self.folder(self.folder).join("policy.toml.new");
            fs::write(&new, policy)?;
            return Ok(fs::rename(&new, self.path())?);
        }
        self.folder = 1 - self.folder;
        fs::write(self.folder(self.folder).join("policy.toml"), policy)?;
        self.link()
    }

    /// Lets the link lead to the folder that counts, in one step.
    fn link(&self) -> Result<()> {
        let new = self.root.join("next");
        symlink(self.folder(self.folder), &new)?;
        Ok(fs::rename(&new, self.root.join("now"))?)
    }

    fn folder(&self, number: usize) -> PathBuf {
        self.root.join(format!("policy-{number}"))
    }
}
