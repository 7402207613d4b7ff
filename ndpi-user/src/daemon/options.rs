//! Options of a running instance.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ndpi_common::Switches;
use ndpi_export::{Format, Output};
use ndpi_kernel::LoadOptions;

use crate::engine_setup::EngineSetup;
use crate::fleet::PolicySource;
use crate::{interfaces, live};

/// What is watched, how, and what is written down.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The interfaces to attach to, and how.
    pub(crate) interfaces: interfaces::Plan,
    /// When it is asked to stop, leave all that is in the kernel there.
    pub(crate) keep: bool,
    /// Whether rights are given up that an instance does not need.
    pub(crate) sandbox: bool,
    /// The folder for captures of what has ended nDPI.
    pub(crate) crash_captures: Option<PathBuf>,
    /// The policy; without one, everything is counted.
    pub(crate) policy: Option<PathBuf>,
    /// The bucket that it is taken from, where another one comes by that: the file is the copy.
    pub(crate) policy_from: Option<PolicySource>,
    /// How records are written.
    pub(crate) format: Format,
    /// Where else they are written.
    pub(crate) outputs: Vec<Output>,
    /// Where whoever asks for metrics is answered; `None` for nowhere.
    pub(crate) metrics: Option<SocketAddr>,
    /// What the instance is called in records.
    pub(crate) instance: String,
    /// How long a flow goes on without a record; zero for ever.
    pub(crate) active_timeout: Duration,
    /// How the programs are loaded.
    pub(crate) load: LoadOptions,
    /// Threads that classify.
    pub(crate) workers: usize,
    /// How the session works with so many of them.
    pub(crate) plan: live::Plan,
    /// Bytes of user space at most; `None` for as many as it takes.
    pub(crate) memory_max: Option<u64>,
    /// How long samples may wait in the rings for others.
    pub(crate) coalesce: Duration,
    /// Which nDPI; its limit of packets is the kernel's budget, so that it makes the best of what it has
    /// seen with the last packet that it can see.
    pub(crate) engine: EngineSetup,
}

impl Options {
    /// Whether nothing is dropped.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.load.switches & Switches::DRY_RUN != 0
    }
}
