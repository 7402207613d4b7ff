//! The steps of a plan.

use anyhow::Result;

use crate::workspace::Workspace;

/// One thing that must be there.
pub(super) struct Step {
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    /// Whether it changes the machine.
    pub(super) installs: bool,
    /// Whether it takes programs of the distribution, which may have to be installed first.
    pub(super) takes_packages: bool,
    /// Says what is missing; `None` when nothing is.
    pub(super) missing: fn(&Workspace) -> Option<String>,
    pub(super) provide: fn(&Workspace) -> Result<()>,
}
