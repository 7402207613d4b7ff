//! Puts the programs on interfaces and takes them off.

use std::io;

use aya::programs::{ProgramError, SchedClassifier};
use ndpi_common::Watched;

use super::Kernel;
use super::attached::{Attached, Health};
use crate::attach::{
    AttachError, Attachment, Egress, Hooks, Layer, Mode, Side, TcLink, XdpLink, check_frames,
    find_interface, interface_at, layer, warn_of_overlap,
};
use crate::netlink::Interface;
use crate::programs;
use crate::sys::Write;

impl Kernel {
    /// Attaches the programs to an interface of this thread's network namespace.
    ///
    /// # Errors
    ///
    /// There is no such interface, something else is on it, or the kernel refused; nothing of ours
    /// is on the interface then.
    pub fn attach(
        &mut self,
        interface: &str,
        mode: Mode,
        hooks: Hooks,
    ) -> Result<Attachment, AttachError> {
        self.attach_to(&find_interface(interface)?, mode, hooks, false)
    }

    /// The same by the interface's index: another one may have its name by now.
    ///
    /// # Errors
    ///
    /// As of [`Kernel::attach`].
    pub fn attach_index(
        &mut self,
        index: u32,
        mode: Mode,
        hooks: Hooks,
    ) -> Result<Attachment, AttachError> {
        self.attach_to(&interface_at(index)?, mode, hooks, false)
    }

    /// The same for an interface that is to be the end of a wire: what comes in on it is dropped until
    /// the wire stands ([`Kernel::join`]).
    ///
    /// # Errors
    ///
    /// As of [`Kernel::attach`].
    pub fn attach_end(&mut self, index: u32, mode: Mode) -> Result<Attachment, AttachError> {
        let interface = interface_at(index)?;
        if interface.loopback {
            return Err(AttachError::LoopbackEnd(interface.name));
        }
        check_frames(&interface)?;
        self.attach_to(&interface, mode, Hooks::default(), true)
    }

    fn attach_to(
        &mut self,
        interface: &Interface,
        mode: Mode,
        hooks: Hooks,
        wired: bool,
    ) -> Result<Attachment, AttachError> {
        let index = interface.index;
        if self.attached.iter().any(|attached| attached.index == index) {
            return Err(AttachError::Twice(interface.name.clone()));
        }
        self.carry_over()?;
        let interface = &self.release_moved(interface)?;
        let (hooks, layer) = (hooks_for(interface, hooks), layer(interface)?);
        self.prepare(layer).map_err(|source| missing(interface, source))?;
        let mut attached = Attached::new(index, layer, mode, hooks, wired);
        if let Err(error) = self.attach_missing(interface, &mut attached) {
            self.give_back(attached, interface);
            return Err(error);
        }
        let attachment = attached.attachment(interface);
        let others: Vec<_> = self.attached.iter().map(|attached| attached.index).collect();
        warn_of_overlap(interface, &others);
        self.attached.push(attached);
        if !attachment.up {
            log::warn!(
                "{0} is down: attached, but no packet comes before: ip link set {0} up",
                attachment.interface
            );
        }
        Ok(attachment)
    }

    /// Has the programs for packets that begin so loaded, and noted as ours.
    fn prepare(&mut self, layer: Layer) -> Result<(), ProgramError> {
        if layer == Layer::Link {
            // From the start.
            return Ok(());
        }
        let ids = programs::program_ids(&mut self.object, layer)?;
        if let Some(pins) = &mut self.pins
            && let Err(error) = pins.note(&ids)
        {
            log::debug!("programs {ids:?} are not noted: {error}");
        }
        Ok(())
    }

    /// Takes off what an interface has brought back from another namespace under another index; gives
    /// the interface as it is then.
    fn release_moved(&mut self, interface: &Interface) -> Result<Interface, AttachError> {
        let is_it = |attached: &Attached| {
            let xdp = attached.xdp.as_ref().filter(|xdp| xdp.is_on(interface));
            let index = xdp.and_then(|xdp| xdp.link.ifindex().ok()?);
            attached.index != interface.index && index == Some(interface.index)
        };
        let moved = self.attached.iter().position(is_it).filter(|_| !interface.xdp.is_empty());
        let Some(moved) = moved else { return Ok(interface.clone()) };
        self.detach(self.attached[moved].index);
        interface_at(interface.index)
    }

    /// Puts on what is to be there and is not.
    fn attach_missing(
        &mut self,
        interface: &Interface,
        attached: &mut Attached,
    ) -> Result<(), AttachError> {
        let (failed, hooks) = (|source| missing(interface, source), attached.hooks);
        if attached.hooks.ingress && attached.xdp.is_none() {
            if attached.wired && !self.is_wired(interface.index)? {
                self.note_watched(interface.index, Watched::CUT)?;
            }
            let program = programs::xdp(&mut self.object, attached.layer).map_err(failed)?;
            let xdp = XdpLink::attach(program, interface, attached.mode, &mut self.links)?;
            attached.xdp = Some(xdp);
            if !attached.wired {
                // From here on its packets are counted here, not where they go out.
                self.note_watched(interface.index, Watched::PLAIN)?;
            }
        }
        if attached.wants_behind() && attached.behind.is_none() {
            let program = programs::tc_ingress(&mut self.object).map_err(failed)?;
            let by = if attached.wired { hooks.egress.unwrap_or_default() } else { Egress::Tcx };
            match TcLink::attach(program, interface, Side::Ingress, by, &mut self.links) {
                Ok(link) => attached.behind = Some(link),
                Err(error) if attached.wired => return Err(error),
                // Only kernels with tcx need it.
                Err(_) => attached.no_tcx = true,
            }
        }
        if let (Some(by), None) = (attached.hooks.egress, &attached.egress) {
            let program = programs::tc(&mut self.object, attached.layer).map_err(failed)?;
            let egress = TcLink::attach(program, interface, Side::Egress, by, &mut self.links)?;
            attached.egress = Some(egress);
        }
        Ok(())
    }

    /// Which programs are still on the interface that had this index when they were attached; `None` when
    /// there were none.
    ///
    /// # Errors
    ///
    /// What the kernel said when it was asked.
    pub fn health(&self, index: u32) -> io::Result<Option<Health>> {
        self.health_beside(index, None)
    }

    /// The same beside the interface that has the index in this namespace now.
    ///
    /// # Errors
    ///
    /// As of [`Kernel::health`].
    pub fn health_beside(
        &self,
        index: u32,
        seen: Option<&Interface>,
    ) -> io::Result<Option<Health>> {
        let attached = self.attached.iter().find(|attached| attached.index == index);
        attached.map(|attached| attached.health(seen)).transpose()
    }

    /// Puts back what [`Kernel::health`] misses. What is there stays as it is.
    ///
    /// # Errors
    ///
    /// As of [`Kernel::attach`]; what could be put back is there.
    pub fn mend(&mut self, index: u32) -> Result<Attachment, AttachError> {
        let interface = interface_at(index)?;
        let at = self.attached.iter().position(|attached| attached.index == index);
        let at = at.ok_or(AttachError::Gone(index))?;
        let mut attached = self.attached.swap_remove(at);
        attached.forget_dead(&mut self.object);
        let mended = self.attach_missing(&interface, &mut attached);
        let attachment = attached.attachment(&interface);
        self.attached.push(attached);
        mended.map(|()| attachment)
    }

    /// Takes the programs off an interface, and ends the wire that it is an end of; false when they were
    /// not on it.
    pub fn detach(&mut self, index: u32) -> bool {
        self.cut(index);
        let Some(at) = self.attached.iter().position(|attached| attached.index == index) else {
            return false;
        };
        let mut attached = self.attached.swap_remove(at);
        // Where the interface is gone, another one may have its index, with filters of somebody else's.
        attached.forget_dead(&mut self.object);
        self.take_off(attached);
        true
    }

    /// Takes the programs off all interfaces, which are not promiscuous any more.
    pub fn detach_all(&mut self) {
        for attached in std::mem::take(&mut self.attached) {
            self.take_off(attached);
        }
        self.wires.clear();
    }

    /// Whether the maps, which may be those of an instance that is gone, say where frames of an interface
    /// go: then they go on going there until the wire stands again.
    fn is_wired(&self, index: u32) -> Result<bool, AttachError> {
        Ok(self.interfaces.get(&index)?.is_some_and(|peer| peer != Watched::PLAIN))
    }

    pub(super) fn note_watched(&self, index: u32, peer: u32) -> Result<(), AttachError> {
        let noted = self.interfaces.write(&index, &peer, Write::Any);
        Ok(noted.map_err(|source| self.interfaces.failed("write to", source))?)
    }

    pub(super) fn take_off(&mut self, attached: Attached) {
        let Attached { index, layer, xdp, egress, behind, stays, .. } = attached;
        drop(xdp);
        let tc = [
            egress.map(|link| detach(link, programs::tc(&mut self.object, layer), index)),
            behind.map(|link| detach(link, programs::tc_ingress(&mut self.object), index)),
        ];
        for error in tc.into_iter().flatten().filter_map(Result::err) {
            // The interface may be gone, and the program with it.
            log::debug!("detaching from interface {index}: {error}");
        }
        if !stays && let Err(error) = self.interfaces.remove(&index) {
            log::debug!("interface {index}: {error}");
        }
    }
}

fn detach(
    link: TcLink,
    program: Result<&mut SchedClassifier, ProgramError>,
    index: u32,
) -> Result<(), ProgramError> {
    link.detach(program?, index)
}

/// What goes out of the loopback comes in there: it would be seen twice. Egress sees it before large
/// packets are copied, and lets answers to rejected flows through.
fn hooks_for(interface: &Interface, hooks: Hooks) -> Hooks {
    let ingress = hooks.ingress && !(interface.loopback && hooks.egress.is_some());
    Hooks { ingress, ..hooks }
}

fn missing(interface: &Interface, source: ProgramError) -> AttachError {
    AttachError::Refused { what: "the programs", interface: interface.name.clone(), source }
}
