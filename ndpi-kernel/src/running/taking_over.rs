//! Taking the place of an instance that is gone, and leaving one for the next.

use std::collections::BTreeSet;

use super::Kernel;
use crate::attach::{AttachError, interface_name, remove_filters};
use crate::netlink::interfaces;

/// Entries that one batch call brings.
const BATCH: usize = 512;

impl Kernel {
    /// Takes off what an instance that is gone has left where nothing was attached now, and says so. To be
    /// called when all that is wanted is attached: until then what it has left stays, whatever happens.
    ///
    /// # Errors
    ///
    /// The interfaces cannot be listed, or a map not be written.
    pub fn release_earlier(&mut self) -> Result<(), AttachError> {
        self.is_taking_over = false;
        self.attached.iter_mut().for_each(|attached| attached.set_stays(false));
        if let Some(pins) = &mut self.pins {
            pins.set_stays(false);
        }
        let released = self.links.release().into_iter().filter_map(|held| held.ifindex);
        for index in released.collect::<BTreeSet<_>>() {
            log::warn!(
                "{}: an earlier instance had left its programs there, which are taken off, as nothing is \
                 wanted there now",
                interface_name(index)
            );
        }
        self.release_filters()?;
        self.forget_interfaces()
    }

    /// Removes filters of the earlier instance that no filter of ours has replaced.
    fn release_filters(&mut self) -> Result<(), AttachError> {
        let Some(pins) = &self.pins else { return Ok(()) };
        let mut in_use = pins.programs_of_others();
        let programs = self.object.programs().filter_map(|(_, program)| program.info().ok());
        in_use.extend(programs.map(|program| program.id()));
        for interface in interfaces().map_err(AttachError::Interfaces)? {
            match remove_filters(&interface, &in_use) {
                Ok(true) => {
                    log::warn!("{}: a filter of an earlier instance is removed", interface.name);
                }
                Ok(false) => {}
                Err(error) => log::warn!("{:#}", anyhow::Error::new(error)),
            }
        }
        Ok(())
    }

    /// Forgets where frames of interfaces go that are not attached to.
    fn forget_interfaces(&mut self) -> Result<(), AttachError> {
        let known = self.interfaces.entries(BATCH).collect::<Result<Vec<_>, _>>()?;
        for (index, _) in known {
            if !self.attached.iter().any(|attached| attached.index == index) {
                self.interfaces.remove(&index)?;
            }
        }
        for from in self.peers.all()? {
            if !self.wires.iter().any(|wire| wire.has_end(from)) {
                self.peers.remove(from)?;
            }
        }
        Ok(())
    }

    /// Lets go of all that is attached and pinned, and leaves it there.
    pub(super) fn leave_all(&mut self) {
        if let Some(pins) = &mut self.pins {
            pins.set_stays(true);
        }
        for mut attached in std::mem::take(&mut self.attached) {
            attached.set_stays(true);
            self.take_off(attached);
        }
    }
}
