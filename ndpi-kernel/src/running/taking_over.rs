//! Taking the place of an instance that is gone, and leaving one for the next.
//!
//! A start may fail, or be killed, at any step, and what stood before is to stand then. So the programs and maps
//! of this instance are made and pinned beside those of the earlier one, which are exchanged last.

use std::collections::BTreeSet;

use super::Kernel;
use super::attached::Attached;
use super::takeover::Takeover;
use crate::attach::{AttachError, remove_filters};
use crate::maps::MapError;
use crate::netlink::{Interface, interfaces};

/// Entries that one batch call brings.
const BATCH: usize = 512;

impl Kernel {
    /// Writes what stands in maps of an instance that is gone, and that cannot be used again, into ours. To be
    /// called when all that can fail before is done, and before anything is attached: what the earlier programs
    /// count from here on is lost. Attaching does it where nobody has.
    ///
    /// # Errors
    ///
    /// A map cannot be read or written.
    pub fn carry_over(&mut self) -> Result<(), MapError> {
        self.takeover.as_mut().map_or(Ok(()), |takeover| takeover.carry_over(&self.maps))
    }

    /// Whether an instance that is gone has left programs by links on an interface of this namespace.
    pub fn goes_on_at(&self, interface: &Interface) -> bool {
        self.links.is_on(interface)
    }

    /// Takes the place of an instance that is gone, if there is one: its pins are this one's from here on, and
    /// what it has left where nothing was attached now is taken off, and reported. To be called when all that is
    /// wanted is attached: until then what it has left stays, whatever happens.
    ///
    /// # Errors
    ///
    /// The pins cannot be exchanged; what was left stays then when this is dropped.
    pub fn release_earlier(&mut self) -> Result<(), AttachError> {
        self.carry_over()?;
        if let (Some(takeover), Some(pins)) = (&self.takeover, &mut self.pins) {
            pins.exchange(takeover.earlier())?;
        }
        self.attached.iter_mut().for_each(Attached::take);
        // From here on nothing fails any more: this would take off what has just been taken over.
        if self.takeover.take().is_some()
            && let Err(error) = self.begin_anew()
        {
            log::warn!("{:#}", anyhow::Error::new(error));
        }
        self.release_links();
        if let Err(error) = self.release_filters().and_then(|()| self.forget_interfaces()) {
            log::warn!("{:#}", anyhow::Error::new(error));
        }
        Ok(())
    }

    /// What was undecided is shown again, and servers are blocked again when somebody has learned of them.
    fn begin_anew(&self) -> Result<(), MapError> {
        // Whether they are still to be blocked, nobody knows here; their next flows are looked at.
        self.servers.clear()?;
        self.tracks.show_again()
    }

    /// Takes off links of the earlier instance that no link of ours has replaced.
    fn release_links(&mut self) {
        let here: Vec<_> = interfaces().unwrap_or_default();
        let here = here.iter().filter(|it| self.attached.iter().any(|on| on.index == it.index));
        let here: Vec<_> = here.map(|it| it.name.as_str()).collect();
        let left: BTreeSet<_> = self.links.places().into_iter().map(|(_, name)| name).collect();
        for interface in left.into_iter().filter(|name| !here.contains(&name.as_str())) {
            log::warn!(
                "{interface}: an earlier instance had left its programs there, which are taken off, as this one \
                 has none there"
            );
        }
        self.links.release();
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
        for (from, _) in self.peers.all()? {
            if !self.wires.iter().any(|wire| wire.has_end(from)) {
                self.peers.remove(from)?;
            }
        }
        Ok(())
    }

    /// Takes off what was attached to an interface, and puts back what an instance that is gone has left there.
    pub(super) fn give_back(&mut self, attached: Attached, interface: &Interface) {
        let index = attached.index;
        attached.give_back(interface, &mut self.object, &mut self.links);
        let before = self.takeover.as_ref().and_then(|takeover| takeover.way(index));
        let restored = match before {
            Some(peer) => self.note_watched(index, peer),
            None => self.interfaces.remove(&index).map(drop).map_err(Into::into),
        };
        if let Err(error) = restored {
            log::debug!("interface {index}: {error}");
        }
    }

    /// Has all be as the earlier instance has left it.
    pub(super) fn roll_back(&mut self, takeover: &Takeover) {
        let here = interfaces().unwrap_or_default();
        for attached in std::mem::take(&mut self.attached) {
            let index = attached.index;
            let interface = here.iter().find(|interface| interface.index == index).cloned();
            let interface =
                interface.unwrap_or_else(|| Interface { index, ..Interface::named("") });
            attached.give_back(&interface, &mut self.object, &mut self.links);
        }
        // Only now: without a note, what comes in on the end of a wire would go on up.
        self.wires.clear();
        if let Err(error) = takeover.restore_ways(&self.interfaces, &mut self.peers) {
            log::warn!("{:#}", anyhow::Error::new(error));
        }
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
