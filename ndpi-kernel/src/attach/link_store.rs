//! Where links are pinned, and those that an instance which is gone has left there.

use std::io;

use super::bpf_link::BpfLink;
use super::filters::is_ours;
use crate::link_pins::LinkPins;
use crate::netlink::{Filter, Interface};
use crate::sys::link::{Held, LinkPlace, programs_at};

/// Pins links, and gives out those that are there already.
#[derive(Debug, Default)]
pub(crate) struct LinkStore {
    /// Where links are pinned; `None` where they are to go with the process.
    pins: Option<LinkPins>,
    /// Links of an earlier instance, until they are taken over or released.
    earlier: Vec<(BpfLink, Held)>,
    /// Programs of other instances, running or gone.
    others: Vec<u32>,
}

impl LinkStore {
    /// Opens what is pinned there. What cannot be opened, or holds nothing any more, is removed.
    /// `others` are the programs of other instances.
    pub(crate) fn open(pins: LinkPins, others: Vec<u32>) -> Self {
        let mut earlier = Vec::new();
        for name in pins.names() {
            match BpfLink::pinned(&pins, name.clone()) {
                Ok(Some((mut link, held))) if held.ifindex.is_some() => {
                    // Until it is known that nothing is wanted of it, it does what it did.
                    link.set_stays(true);
                    earlier.push((link, held));
                }
                gone => remove(&pins, &name, gone.err()),
            }
        }
        Self { pins: Some(pins), earlier, others }
    }

    /// The link of the earlier instance at this place of an interface, if there is one. By its index alone it
    /// might be another interface's, in another namespace.
    pub(super) fn take(&mut self, place: LinkPlace, on: &Interface) -> Option<(BpfLink, Held)> {
        let at = self.earlier.iter().position(|(_, held)| {
            held.place == place && held.ifindex == Some(on.index) && is_here(held, on)
        })?;
        Some(self.earlier.swap_remove(at))
    }

    /// Whether an instance that is gone has left this filter, and no other instance has a right to it.
    pub(super) fn is_earlier(&self, filter: &Filter) -> bool {
        self.pins.is_some() && is_ours(filter) && !self.others.contains(&filter.program)
    }

    /// Pins a link, so that it outlives the process; where it cannot, says so.
    pub(super) fn pin(&self, link: &mut BpfLink, place: LinkPlace, on: &Interface) {
        let Some(pins) = &self.pins else { return };
        if let Err(error) = link.pin(pins, name(place, on.index)) {
            log::warn!(
                "{}: cannot pin a link ({error}): what is enforced there ends with this process",
                on.name
            );
        }
    }

    /// Takes off what the earlier instance has left and nobody has taken over; gives what that was.
    pub(crate) fn release(&mut self) -> Vec<Held> {
        let released = self.earlier.drain(..).map(|(mut link, held)| {
            link.set_stays(false);
            held
        });
        released.collect()
    }
}

/// Whether the programs of an interface of this namespace are those that a link holds.
fn is_here(held: &Held, on: &Interface) -> bool {
    if held.place == LinkPlace::Xdp {
        return on.xdp.iter().any(|attached| attached.program == held.program);
    }
    programs_at(on.index, held.place).is_ok_and(|programs| programs.contains(&held.program))
}

/// What the link at a place of an interface is called among the pins.
fn name(place: LinkPlace, ifindex: u32) -> String {
    let place = match place {
        LinkPlace::Xdp => "xdp",
        LinkPlace::TcxIngress => "ingress",
        LinkPlace::TcxEgress => "egress",
    };
    format!("{place}-{ifindex}")
}

fn remove(pins: &LinkPins, name: &str, error: Option<io::Error>) {
    if let Some(error) = error {
        log::debug!("the pin {name} is no link: {error}");
    }
    if let Err(error) = pins.remove(name) {
        log::warn!("{error}");
    }
}
