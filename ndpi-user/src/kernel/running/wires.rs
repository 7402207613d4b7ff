//! Interfaces that are joined to wires.

use super::Kernel;
use crate::kernel::attach::{AttachError, Attachment, Wire, check_wire, find_interface};
use crate::kernel::load;
use crate::kernel::maps::LostFrames;

impl Kernel {
    /// Joins two interfaces (bump in the wire): frames that pass on one go straight out of the
    /// other, past the stack. Both become promiscuous until the end. It takes effect with
    /// [`ndpi_common::Switches::PEERS`] where the programs are attached; when they are, ask
    /// [`Kernel::check_wire`].
    ///
    /// # Errors
    ///
    /// There is no such interface, both are the same one, or the kernel refused.
    pub fn join(&mut self, left: &str, right: &str) -> Result<(), AttachError> {
        let (left, right) = (find_interface(left)?, find_interface(right)?);
        let wire = Wire::new([&left, &right])?;
        if self.wires.is_empty() {
            self.count_lost_frames();
        }
        self.wires.push(wire);
        self.peers.set(left.index, right.index)?;
        Ok(self.peers.set(right.index, left.index)?)
    }

    /// Checks that frames can go both ways between two interfaces that the programs are attached
    /// to: drivers may take redirected frames only as long as something is set up for it.
    ///
    /// # Errors
    ///
    /// The frames would be lost.
    pub fn check_wire(&self, left: &Attachment, right: &Attachment) -> Result<(), AttachError> {
        check_wire(left, right)?;
        check_wire(right, left)
    }

    /// Frames that the wires have lost.
    pub fn lost_frames(&self) -> &LostFrames {
        &self.lost
    }

    /// Counts frames that cannot be redirected from here on. Wires work without.
    fn count_lost_frames(&mut self) {
        let attached = load::count_lost_frames(&mut self.object).map_err(anyhow::Error::new);
        if let Err(error) = attached.and_then(|()| Ok(self.lost.begin()?)) {
            log::warn!("frames that are lost between two interfaces are not counted: {error:#}");
        }
    }
}
