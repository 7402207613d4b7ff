//! Enforcement that an instance which is gone has left.

use std::collections::BTreeSet;
use std::path::Path;

use ndpi_common::{Live, Switches, TICK_NS};
use ndpi_kernel::pinned::Pinned;
use ndpi_kernel::{Clock, MapError, detach_command};
use ndpi_text::clean;

use super::ago::ago;
use crate::record::Time;

/// What is enforced of an instance that is gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Left {
    /// When it was last there, if it came to say so.
    pub(super) since: Option<Time>,
    /// The interfaces on which its programs are, each once.
    pub(super) interfaces: Vec<String>,
    /// Whether it dropped nothing.
    pub(super) dry_run: bool,
}

impl Left {
    /// By what it has pinned.
    pub(crate) fn of(pinned: &Pinned) -> Result<Self, MapError> {
        let Live { heartbeat, fixed, .. } = pinned.live.read()?;
        let time = |tick: u32| Time::from_ns(Clock::new().epoch_ns(u64::from(tick) * TICK_NS));
        let since = (heartbeat != 0).then(|| time(heartbeat));
        let interfaces: BTreeSet<_> =
            pinned.links.iter().map(|link| clean(&link.interface)).collect();
        let dry_run = fixed & Switches::DRY_RUN != 0;
        Ok(Self { since, interfaces: interfaces.into_iter().map(Into::into).collect(), dry_run })
    }

    /// What is enforced without the process that is called `pid` and has its pins in `pins`, since when, and how
    /// that ends.
    pub(crate) fn text(&self, pid: &str, pins: &Path) -> String {
        let since = self.since.map(|since| format!(", for {}", ago(since, Time::now())));
        let gone = format!("ndpi-xdp is not running{}: the one", since.unwrap_or_default());
        let what_to_do = format!(
            "Start it again, and it goes on from there: ndpi-xdp run; or end that: {}",
            detach_command(pins)
        );
        if self.interfaces.is_empty() {
            return format!(
                "{gone} with these maps{pid} is gone, and its programs with it, but for filters at clsact (Linux \
                 before 6.6). {what_to_do}"
            );
        }
        let interfaces = self.interfaces.join(", ");
        let enforced = if self.dry_run {
            "Nothing is dropped there, as it was started with --dry-run: what was decided is counted"
        } else {
            "What was decided is enforced there all the same"
        };
        format!(
            "{gone} whose programs are on {interfaces}{pid} is gone. {enforced}; new flows are not classified. \
             {what_to_do}"
        )
    }
}
