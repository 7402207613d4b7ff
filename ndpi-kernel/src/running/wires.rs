//! Interfaces that are joined to wires.

use ndpi_common::Watched;

use super::Kernel;
use super::attached::Attached;
use crate::attach::{AttachError, Wire, check_redirects};
use crate::maps::LostFrames;
use crate::netlink::{Interface, interfaces};
use crate::programs;

impl Kernel {
    /// Joins two interfaces (bump in the wire), by index, that were attached to as ends
    /// ([`Kernel::attach_end`]): frames that pass on one go straight out of the other, past the stack.
    /// Both become promiscuous until the end. Wires that one of them was an end of before are cut. It
    /// takes effect with [`ndpi_common::Switches::PEERS`].
    ///
    /// # Errors
    ///
    /// There is no such interface, both are the same one, frames would be lost, or the kernel refused;
    /// what comes in on either is dropped then.
    pub fn join(&mut self, left: u32, right: u32) -> Result<(), AttachError> {
        self.cut(left);
        self.cut(right);
        let all = interfaces().map_err(AttachError::Interfaces)?;
        let find = |index| {
            let found = all.iter().find(|interface| interface.index == index);
            found.ok_or(AttachError::Gone(index))
        };
        let (left, right) = (find(left)?, find(right)?);
        self.check_redirects(left, right)?;
        self.check_redirects(right, left)?;
        let wire = Wire::new([left, right])?;
        if !self.counts_lost {
            self.counts_lost = true;
            self.count_lost_frames();
        }
        self.wires.push(wire);
        self.open_way(left, right).and_then(|()| self.open_way(right, left)).inspect_err(|_| {
            self.cut(left.index);
        })
    }

    /// Cuts the wire that an interface is an end of, if it is one: what comes in on the other end is
    /// dropped from here on.
    pub fn cut(&mut self, index: u32) {
        let Some(at) = self.wires.iter().position(|wire| wire.has_end(index)) else { return };
        for end in self.wires.swap_remove(at).ends() {
            self.block_way(end);
        }
    }

    /// Notes whether an end of a wire can send. Where it cannot, the kernel drops in silence what TC
    /// redirects to it; the programs then drop it before, and count it.
    pub fn note_up(&mut self, name: &str, index: u32, up: bool) {
        let other = self.wires.iter_mut().find_map(|wire| wire.note_up(index, up));
        let Some(from) = other else { return };
        if up {
            log::info!("{name} is up: its wire carries again");
        } else {
            log::warn!("{name} is down: what comes in for it at the other end is lost");
        }
        if !self.is_generic(from) {
            return;
        }
        if let Err(error) = self.note_watched(from, if up { index } else { Watched::CUT }) {
            log::warn!("{:#}", anyhow::Error::new(error));
        }
    }

    /// Frames that the wires have lost.
    pub fn lost_frames(&self) -> &LostFrames {
        &self.lost
    }

    /// Lets the frames that come in on `from` out of `to`.
    fn open_way(&mut self, from: &Interface, to: &Interface) -> Result<(), AttachError> {
        if !self.is_generic(from.index) {
            return Ok(self.peers.set(from.index, to.index)?);
        }
        self.note_watched(from.index, if to.up { to.index } else { Watched::CUT })
    }

    /// Has the frames that come in on an interface dropped, if it is still attached to.
    fn block_way(&mut self, from: u32) {
        if self.attached.iter().any(|attached| attached.index == from)
            && let Err(error) = self.note_watched(from, Watched::CUT)
        {
            log::debug!("cutting the wire of interface {from}: {error}");
        }
        if let Err(error) = self.peers.remove(from) {
            log::debug!("interface {from}: {error}");
        }
    }

    fn is_generic(&self, index: u32) -> bool {
        self.attached.iter().any(|it| it.index == index && Attached::is_generic(it))
    }

    fn check_redirects(&self, from: &Interface, to: &Interface) -> Result<(), AttachError> {
        if self.is_generic(from.index) { Ok(()) } else { check_redirects(to) }
    }

    /// Counts frames that cannot be redirected from here on. Wires work without.
    fn count_lost_frames(&mut self) {
        let attached = programs::count_lost_frames(&mut self.object).map_err(anyhow::Error::new);
        if let Err(error) = attached.and_then(|()| Ok(self.lost.begin()?)) {
            log::warn!("frames that are lost between two interfaces are not counted: {error:#}");
        }
    }
}
