//! Looking every second for others that see packets at egress before we do.

use std::collections::HashMap;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError};
use ndpi_common::Hook;

use super::Output;
use super::precedence::{Change, Egress, Precedence};
use crate::record::{PrecedenceRecord, Time};
use ndpi_kernel::{Clock, EgressView, Stats, egress_views, ktime_ns};

const EVERY: Duration = Duration::from_secs(1);

/// What is watched, and where it is said.
pub(super) struct EgressWatch {
    pub(super) stats: Stats,
    pub(super) clock: Clock,
    pub(super) output: Output,
    pub(super) known: HashMap<u32, Precedence>,
}

impl EgressWatch {
    /// Looks at the interfaces that `watched` names, at once and then every second, until the other end
    /// of `stopped` is gone.
    pub(super) fn run(mut self, watched: impl Fn() -> Vec<u32>, stopped: &Receiver<()>) {
        loop {
            self.look(&watched());
            if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn look(&mut self, watched: &[u32]) {
        // Counted before it is read what has left: what leaves in between is not missed.
        let views = egress_views(watched);
        let seen = self.stats.read().map(|it| it.seen(Hook::Tc).packets);
        let (Ok(views), Ok(seen)) = (views, seen) else {
            return log::debug!("cannot see who is before us at egress");
        };
        for view in views {
            let EgressView { ref before, sent, index, .. } = view;
            let egress = Egress { before: before.clone(), sent, seen };
            for change in self.known.entry(index).or_default().look(egress) {
                self.say(&view, &change);
            }
        }
    }

    fn say(&self, view: &EgressView, change: &Change) {
        let EgressView { name, before, index, .. } = view;
        let (sent, seen) = match *change {
            Change::Blind { sent, seen } => (Some(sent), Some(seen)),
            _ => (None, None),
        };
        match change {
            Change::Behind(before) => log::warn!(
                "{name}: at egress {} before ndpi-xdp: what it lets pass for good or redirects is \
                 neither seen nor blocked here",
                come(before)
            ),
            Change::Blind { sent, seen } => log::warn!(
                "{name}: {sent} packets left, but only {seen} were seen at egress: {} before ndpi-xdp, \
                 and nothing is enforced on what it lets pass for good",
                come(before)
            ),
            Change::First => log::info!("{name}: nothing comes before ndpi-xdp at egress any more"),
        }
        let time = Time(self.clock.epoch_ns(ktime_ns()));
        self.output.precedence(&PrecedenceRecord {
            kind: "status",
            state: change.state(),
            time,
            iface: name,
            ifindex: *index,
            before,
            sent,
            seen,
        });
    }
}

fn come(before: &[String]) -> String {
    let verb = if before.len() == 1 { "comes" } else { "come" };
    format!("{} {verb}", before.join(", "))
}
