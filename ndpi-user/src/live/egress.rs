//! Looking every second for others that see packets at egress before we do.

use std::collections::HashMap;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError};
use ndpi_common::Hook;
use ndpi_events::{EgressOrder, Event, Source, Status, Time};

use super::precedence::{Change, Egress, Precedence};
use ndpi_kernel::{Clock, EgressView, Stats, egress_views, ktime_ns};

const EVERY: Duration = Duration::from_secs(1);

/// What is watched, and where it is said.
pub(super) struct EgressWatch {
    stats: Stats,
    clock: Clock,
    source: Source,
    known: HashMap<u32, Precedence>,
}

impl EgressWatch {
    /// Watches by these statistics, and reports to `source`.
    pub(super) fn new(stats: Stats, clock: Clock, source: Source) -> Self {
        Self { stats, clock, source, known: HashMap::new() }
    }

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
                self.report(&view, &change);
            }
        }
    }

    fn report(&mut self, view: &EgressView, change: &Change) {
        let (sent, seen) = match *change {
            Change::Blind { sent, seen } => (Some(sent), Some(seen)),
            _ => (None, None),
        };
        let time = Time::from_ns(self.clock.epoch_ns(ktime_ns()));
        let EgressView { name, before, index, .. } = view;
        let (iface, before) = (name.clone(), before.clone());
        let order = EgressOrder { time, iface, ifindex: *index, before, sent, seen };
        let status = match change {
            Change::Behind(_) => Status::EgressBehind(order),
            Change::Blind { .. } => Status::EgressBlind(order),
            Change::First => Status::EgressFirst(order),
        };
        self.source.publish(time, Event::Status(status));
    }
}
