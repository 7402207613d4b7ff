//! Verdicts on their way into the maps, which may refuse them.

use super::LiveSink;
use crate::flow::{FlowEntry, FlowKey};
use crate::live::count::count_undecided;
use crate::live::unwritten::Missing;
use crate::live::{Crowded, Standing, Store, Volume};

impl<S: Store> LiveSink<S> {
    /// Makes the first verdict of a flow stand, and says whether it does.
    pub(super) fn write<F>(&mut self, flow: &mut FlowEntry<F>) -> bool {
        let Some(standing) = Standing::of(flow, &self.policy) else { return false };
        match self.store.write(&standing) {
            Ok(before) => {
                self.check_track(before);
                count_undecided(flow, before);
            }
            Err(error) => {
                self.unwritten.refuse(&error);
                self.unwritten.add(flow.key, Missing::Verdict);
                return false;
            }
        }
        self.unwritten.remove(&flow.key);
        true
    }

    /// Says so where the kernel has forgotten what came of a flow before its verdict: the deciding packet
    /// at least was there.
    fn check_track(&self, before: Volume) {
        if before.packets == 0 {
            self.shared.crowding.displaced(Crowded::Tracks, 1, None, self.now_ns());
        }
    }

    /// Replaces the verdict of a flow.
    pub(super) fn replace<F>(&mut self, flow: &mut FlowEntry<F>) {
        let Some(standing) = Standing::of(flow, &self.policy) else { return };
        match self.store.replace(&standing) {
            Ok(allowed) => {
                flow.allow(allowed.packets, allowed.bytes);
                self.unwritten.remove(&flow.key);
            }
            Err(error) => {
                self.unwritten.refuse(&error);
                self.unwritten.add(flow.key, Missing::Change);
            }
        }
    }

    /// The next flow of which the kernel lacks something that it refused before. It is to be
    /// [tried again](Self::retry).
    pub(in crate::live) fn next_unwritten(&mut self) -> Option<(FlowKey, Missing)> {
        self.unwritten.next()
    }

    /// How many flows there are of which the kernel lacks something.
    pub(in crate::live) fn unwritten(&self) -> usize {
        self.unwritten.len()
    }

    /// Tries again to give the kernel what it lacks of a flow.
    pub(in crate::live) fn retry<F>(&mut self, flow: &mut FlowEntry<F>, missing: Missing) {
        match missing {
            Missing::Change => self.replace(flow),
            Missing::Verdict => {
                if self.write(flow) {
                    self.record(flow, (flow.last_seen_ns, self.now_ns()));
                }
            }
        }
    }
}
