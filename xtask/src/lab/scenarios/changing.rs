//! A policy file that changes under a running `ndpi-xdp`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use serde_json::Value;

use super::scenario::Scene;
use crate::lab::kernel;
use crate::lab::router::Router;
use crate::process;

/// How `ndpi-xdp` comes to know of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The file is renamed over the one before, which `ndpi-xdp` notices by itself.
    Rename,
    /// The folder is exchanged, which shows in no folder that it watches, and it gets SIGHUP.
    Signal,
    /// The folder is exchanged, and `ndpi-xdp policy reload` says so.
    Command,
}

pub(super) const WAYS: [Way; 3] = [Way::Rename, Way::Signal, Way::Command];

/// The policy file. It is in the last of several folders, where a link leads to.
pub(super) struct Changing {
    root: PathBuf,
    folders: usize,
    /// `ndpi-xdp`.
    binary: PathBuf,
}

/// What `ndpi-xdp policy reload` said.
pub(super) struct Reply {
    /// Whether its exit status was 0.
    pub(super) success: bool,
    pub(super) record: Value,
}

impl Changing {
    /// Writes the first policy.
    pub(super) fn new(scene: &Scene, policy: &str) -> Result<Self> {
        let (root, binary) = (scene.folder.clone(), scene.stage.binary.to_owned());
        let mut changing = Self { root, folders: 0, binary };
        changing.put(Way::Signal, policy)?;
        Ok(changing)
    }

    /// Where `ndpi-xdp` finds the policy.
    pub(super) fn path(&self) -> PathBuf {
        self.root.join("now/policy.toml")
    }

    /// Puts `policy` in the place of the one before, so that `router` comes to know by this way;
    /// what `ndpi-xdp policy reload` said, if that was it.
    pub(super) fn change(
        &mut self,
        way: Way,
        policy: &str,
        router: &Router,
    ) -> Result<Option<Reply>> {
        self.put(way, policy).context("cannot change the policy file")?;
        match way {
            Way::Rename => Ok(None),
            Way::Signal => router.signal(Signal::HUP).map(|()| None),
            Way::Command => self.reload().map(Some),
        }
    }

    fn reload(&self) -> Result<Reply> {
        let mut command = process::command(&self.binary);
        command.args(["policy", "reload", "--json", "--pin-dir"]).arg(kernel::pins());
        let output = command.output().context("cannot start ndpi-xdp policy reload")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let record = serde_json::from_str(&said).with_context(|| {
            let complaint = String::from_utf8_lossy(&output.stderr);
            format!("ndpi-xdp policy reload wrote no record: {said}{complaint}")
        })?;
        Ok(Reply { success: output.status.success(), record })
    }

    fn put(&mut self, way: Way, policy: &str) -> Result<()> {
        if way == Way::Rename {
            let new = self.root.join("policy.toml.new");
            fs::write(&new, policy)?;
            return Ok(fs::rename(&new, self.path())?);
        }
        self.folders += 1;
        let folder = self.root.join(format!("policy-{}", self.folders));
        fs::create_dir(&folder)?;
        fs::write(folder.join("policy.toml"), policy)?;
        // In one step, too.
        let link = self.root.join("next");
        symlink(&folder, &link)?;
        Ok(fs::rename(&link, self.root.join("now"))?)
    }
}
