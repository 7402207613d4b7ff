//! The program under examination, and its files.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// Where the files are inside.
pub(in crate::kernels) const FOLDER: &str = "/kernels";

/// Where the program and the files are.
pub(in crate::kernels) struct Tools {
    pub(super) folder: PathBuf,
}

impl Tools {
    /// As they are on an emulated machine.
    pub(in crate::kernels) fn there() -> Self {
        Self { folder: FOLDER.into() }
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn policy(&self) -> PathBuf {
        self.file("policy.toml")
    }

    pub(super) fn library(&self) -> Result<String> {
        fs::read_to_string(self.file("library")).context("no path of nDPI's library")
    }

    /// `ndpi-xdp`, to be given its arguments.
    pub(super) fn program(&self) -> Result<Command> {
        let mut command = process::command(self.file("ndpi-xdp"));
        command.env("NDPI_LIBRARY", self.library()?);
        Ok(command)
    }

    /// The captures, by their names.
    pub(super) fn captures(&self) -> Result<Vec<PathBuf>> {
        let files = fs::read_dir(&self.folder)?.filter_map(|file| Some(file.ok()?.path()));
        let is_capture = |path: &PathBuf| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            matches!(extension, Some("pcap" | "pcapng" | "cap"))
        };
        let mut captures: Vec<_> = files.filter(is_capture).collect();
        captures.sort();
        Ok(captures)
    }
}
