//! The memory of a classifier: what its flows and notes take, and giving some up where that is more than they may.

use std::sync::Arc;

use super::allowance::Allowance;
use super::classifier::Classifier;
use super::detector::Detector;
use super::sink::Sink;
use crate::flow::{Cause, FlowEntry, Note, Worth};

/// What tables, queues and an index take of a flow or note beside itself, and the allocator for the few allocations
/// that it has.
const BESIDE: usize = 160;

/// nDPI's state of an undecided flow, in whichever process, its last answer, and what reads its stream.
const READING: usize = 3072;

/// The texts of a decided one, and what others of a session keep of it: its name for those who list flows, its entry in
/// the kernel's maps.
const NAMES: usize = 320;

impl<D: Detector> Classifier<D> {
    /// Keeps to what it may take from now on. To be called before the first sample.
    pub fn share_memory(&mut self, allowance: Arc<Allowance>) {
        if allowance.most() < usize::MAX {
            self.ledger.keep_order();
        }
        self.allowance = allowance;
    }

    /// Notes that were given up for want of memory: of flows that may pass, and of blocked ones.
    pub fn shed_notes(&self) -> [u64; 2] {
        let shed = self.allowance.shed();
        [Worth::PassingNotes, Worth::BlockedNotes].map(|worth| shed[worth as usize])
    }

    /// How many bytes its flows and notes take: what each of their kind does, and what is kept for the receivers of
    /// streams. Undecided ones count as decided where memory has no bound.
    pub fn footprint(&self) -> usize {
        let undecided = self.ledger.undecided().unwrap_or_default();
        Self::footprint_of(self.table.len(), undecided, self.notes.len()) + self.kept
    }

    /// How many bytes so many flows take, of which some are `undecided`, and so many notes.
    pub const fn footprint_of(flows: usize, undecided: usize, notes: usize) -> usize {
        flows * (size_of::<Option<FlowEntry<D::Flow>>>() + BESIDE + NAMES)
            + undecided * READING
            + notes * (size_of::<Option<Note>>() + BESIDE)
    }

    /// Gives up what is worth least until the footprint is within the allowance, `most` of it at a time.
    pub(super) fn keep_within_allowance(&mut self, most: usize, sink: &mut impl Sink<D::Flow>) {
        let allowed = self.allowance.most();
        for _ in 0..most {
            if self.footprint() <= allowed || !self.shed_one(sink) {
                return;
            }
        }
    }

    /// Says what it takes, and gives back what its tables have taken for flows that are gone where somebody has
    /// asked for it.
    pub(super) fn account_for_memory(&mut self) {
        self.allowance.takes(self.footprint());
        let asked = self.allowance.shrinks();
        if std::mem::replace(&mut self.shrunk, asked) != asked {
            let end = self.table.shrink();
            self.ledger.shrink(end);
            self.notes.shrink();
        }
    }

    /// Gives up what is worth least; whether there was something.
    fn shed_one(&mut self, sink: &mut impl Sink<D::Flow>) -> bool {
        let shed = Worth::ALL.into_iter().find(|&worth| match worth {
            Worth::PassingNotes => self.notes.shed(false),
            Worth::BlockedNotes => self.notes.shed(true),
            _ => self.shed_flow(worth, sink),
        });
        if let Some(worth) = shed {
            self.allowance.gave_up(worth);
        }
        shed.is_some()
    }

    fn shed_flow(&mut self, worth: Worth, sink: &mut impl Sink<D::Flow>) -> bool {
        let slot = self.ledger.first_of(worth);
        if let Some(slot) = slot {
            self.displace(slot, Cause::Memory(worth), sink);
        }
        slot.is_some()
    }
}
