//! The programs on an interface, and whether they are there still.

use std::io;

use aya::Ebpf;

use crate::attach::{Attachment, Hooks, Layer, LinkStore, Mode, TcLink, XdpLink};
use crate::netlink::Interface;
use crate::programs;

/// What is on one interface, and what is to be.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) index: u32,
    pub(super) layer: Layer,
    pub(super) mode: Mode,
    pub(super) hooks: Hooks,
    /// Whether it is an end of a wire.
    pub(super) wired: bool,
    pub(super) xdp: Option<XdpLink>,
    pub(super) egress: Option<TcLink>,
    /// TC at ingress, see [`Attached::wants_behind`].
    pub(super) behind: Option<TcLink>,
    /// The kernel has none of what would be needed there.
    pub(super) no_tcx: bool,
    /// What the maps say of it is to stay when this is taken off.
    pub(super) stays: bool,
}

/// Which of the programs that were put on an interface are there still; those that were not to be count
/// as there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// XDP, and TC at ingress where it belongs to that.
    pub ingress: bool,
    /// TC at egress.
    pub egress: bool,
    /// What links hold there.
    pub links: Links,
}

/// Whether links hold some of the programs. They go with their interface wherever it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// None does.
    #[default]
    None,
    /// On the interface that was attached to.
    There,
    /// That one is in another network namespace, and the one that has its index here is another.
    Elsewhere,
}

impl Attached {
    pub(super) fn new(index: u32, layer: Layer, mode: Mode, hooks: Hooks, wired: bool) -> Self {
        let (xdp, egress, behind) = (None, None, None);
        let (no_tcx, stays) = (false, false);
        Self { index, layer, mode, hooks, wired, xdp, egress, behind, no_tcx, stays }
    }

    pub(super) fn is_generic(&self) -> bool {
        self.xdp.as_ref().is_some_and(|xdp| xdp.mode == Mode::Generic)
    }

    /// Whether TC at ingress is to be behind XDP. Where that is generic, it sends on what comes in on an end
    /// of a wire; elsewhere it restores the Ethernet header for others that look there.
    pub(super) fn wants_behind(&self) -> bool {
        let has_header = self.layer == Layer::Link;
        self.is_generic() && has_header && (self.wired || !self.no_tcx)
    }

    pub(super) fn attachment(&self, interface: &Interface) -> Attachment {
        Attachment {
            index: self.index,
            ingress: self.xdp.as_ref().map(|link| link.mode),
            egress: self.egress.as_ref().map(|link| link.by),
            up: interface.up,
            interface: interface.name.clone(),
        }
    }

    pub(super) fn health(&self, seen: Option<&Interface>) -> io::Result<Health> {
        let (xdp, egress, behind) = self.alive()?;
        let is_on = |seen: &Interface| self.xdp.as_ref().is_none_or(|xdp| xdp.is_on(seen));
        let links = match xdp || egress && self.egress.as_ref().is_some_and(TcLink::is_link) {
            _ if xdp && !seen.is_none_or(is_on) => Links::Elsewhere,
            true => Links::There,
            false => Links::None,
        };
        Ok(Health {
            ingress: (xdp || !self.hooks.ingress) && (behind || !self.wants_behind()),
            egress: egress || self.hooks.egress.is_none(),
            links,
        })
    }

    /// Makes the programs this instance's own, whoever has left them there.
    pub(super) fn take(&mut self) {
        if let Some(xdp) = &mut self.xdp {
            xdp.take();
        }
        [&mut self.egress, &mut self.behind].into_iter().flatten().for_each(TcLink::take);
    }

    /// Puts back what an instance that is gone has left there, and takes off what is there besides.
    pub(super) fn give_back(self, interface: &Interface, object: &mut Ebpf, links: &mut LinkStore) {
        let Self { index, layer, xdp, egress, behind, .. } = self;
        if let Some(xdp) = xdp {
            xdp.give_back(interface, links);
        }
        for (link, is_egress) in [(egress, true), (behind, false)] {
            let Some(link) = link else { continue };
            let program =
                if is_egress { programs::tc(object, layer) } else { programs::tc_ingress(object) };
            let given = program.and_then(|program| link.give_back(program, interface, links));
            if let Err(error) = given {
                log::debug!("giving back a TC program of interface {index}: {error}");
            }
        }
    }

    /// Leaves the programs where they are when this is taken off, or not.
    pub(super) fn set_stays(&mut self, stays: bool) {
        if let Some(xdp) = &mut self.xdp {
            xdp.link.set_stays(stays);
        }
        [&mut self.egress, &mut self.behind]
            .into_iter()
            .flatten()
            .for_each(|link| link.set_stays(stays));
        self.stays = stays;
    }

    /// Whether each program that was attached is there.
    fn alive(&self) -> io::Result<(bool, bool, bool)> {
        let xdp = self.xdp.as_ref().map_or(Ok(None), |xdp| xdp.link.ifindex())?.is_some();
        let tc = |link: &Option<TcLink>| {
            link.as_ref().map_or(Ok(false), |link| link.is_alive(self.index))
        };
        Ok((xdp, tc(&self.egress)?, tc(&self.behind)?))
    }

    /// Lets go of what is not there any more, as far as the kernel says so.
    pub(super) fn forget_dead(&mut self, object: &mut Ebpf) {
        let Ok((xdp, egress, behind)) = self.alive() else { return };
        if !xdp {
            self.xdp = None;
        }
        if !egress && let Some(link) = self.egress.take() {
            link.forget(programs::tc(object, self.layer));
        }
        if !behind && let Some(link) = self.behind.take() {
            link.forget(programs::tc_ingress(object));
        }
    }
}
