//! Where links are pinned, and those that an instance which is gone has left there.

use std::io;
use std::os::fd::BorrowedFd;

use aya::programs::ProgramError;

use super::bpf_link::BpfLink;
use super::filters::is_ours;
use super::interface::interface_at;
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

/// A link of the earlier instance, and whether it could be given another program.
pub(super) type Given = (BpfLink, Result<(), ProgramError>);

impl LinkStore {
    /// Opens what is pinned there. What cannot be opened, or holds nothing any more, is removed.
    /// `others` are the programs of other instances.
    pub(crate) fn open(pins: LinkPins, others: Vec<u32>) -> Self {
        let mut earlier = Vec::new();
        for name in pins.names() {
            match BpfLink::pinned(&pins, name.clone()) {
                Ok(Some((link, held))) if held.ifindex.is_some() => earlier.push((link, held)),
                gone => remove(&pins, &name, gone.err()),
            }
        }
        Self { pins: Some(pins), earlier, others }
    }

    /// Whether the earlier instance has left a link on an interface.
    pub(crate) fn is_on(&self, on: &Interface) -> bool {
        self.earlier.iter().any(|(_, held)| held.ifindex == Some(on.index) && is_here(held, on))
    }

    /// What the link of the earlier instance at this place of an interface holds, if there is one.
    pub(super) fn find(&self, place: LinkPlace, on: &Interface) -> Option<Held> {
        let mut all = self.earlier.iter().map(|(_, held)| held);
        all.find(|held| is_at(held, place, on)).copied()
    }

    /// Gives `program` (with this number) to the link of the earlier instance at this place of an interface, if
    /// there is one.
    ///
    /// A link says the index of its interface and its program, and both may be the same for one in another
    /// network namespace: that it is the one here is seen when the program has changed here.
    pub(super) fn take_over(
        &mut self,
        place: LinkPlace,
        on: &Interface,
        (program, number): (BorrowedFd<'_>, u32),
    ) -> Option<Given> {
        let all = std::mem::take(&mut self.earlier);
        let (fitting, rest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(_, held)| is_at(held, place, on));
        self.earlier = rest;
        let is_only_one = fitting.len() == 1;
        let mut taken = None;
        for (mut link, held) in fitting {
            if taken.is_some() {
                self.earlier.push((link, held));
                continue;
            }
            let given = link.give(program);
            if given.is_err() || is_only_one || holds(place, on.index, number) {
                taken = Some((link, given));
            } else {
                link.give_back();
                self.earlier.push((link, held));
            }
        }
        taken
    }

    /// Takes a link of the earlier instance back, which holds again what it held.
    pub(super) fn put_back(&mut self, link: BpfLink) {
        if let Ok(Some(held)) = link.held() {
            self.earlier.push((link, held));
        }
    }

    /// Whether an instance that is gone has left this filter, and no other instance has a right to it.
    pub(super) fn is_earlier(&self, filter: &Filter) -> bool {
        self.pins.is_some() && is_ours(filter) && !self.others.contains(&filter.program)
    }

    /// Whether a program is of an instance with other pins.
    pub(super) fn is_anothers(&self, program: u32) -> bool {
        self.others.contains(&program)
    }

    /// Pins a link, so that it outlives the process; where it cannot, says so.
    pub(super) fn pin(&self, link: &mut BpfLink, on: &Interface) {
        let Some(pins) = &self.pins else { return };
        if let Err(error) = link.pin(pins) {
            log::warn!(
                "{}: cannot pin a link ({error}): what is enforced there ends with this process",
                on.name
            );
        }
    }

    /// What the earlier instance has left and nobody has taken over, and on which interfaces.
    pub(crate) fn places(&self) -> Vec<(Held, String)> {
        let all = self.earlier.iter().map(|(_, held)| held);
        all.filter_map(|held| Some((*held, interface_of(held)?))).collect()
    }

    /// Takes that off.
    pub(crate) fn release(&mut self) {
        self.earlier.drain(..).for_each(|(mut link, _)| link.take());
    }
}

/// What to call the interface that a link is on; `None` where that is gone.
pub(crate) fn interface_of(held: &Held) -> Option<String> {
    let index = held.ifindex?;
    let here = interface_at(index).ok().filter(|on| is_here(held, on));
    Some(
        here.map_or_else(
            || format!("interface {index} of another network namespace"),
            |it| it.name,
        ),
    )
}

/// Whether a link is at this place of an interface of this namespace, for all that it says.
fn is_at(held: &Held, place: LinkPlace, on: &Interface) -> bool {
    held.place == place && held.ifindex == Some(on.index) && is_here(held, on)
}

/// Whether the programs of an interface of this namespace are those that a link holds.
fn is_here(held: &Held, on: &Interface) -> bool {
    if held.place == LinkPlace::Xdp {
        return on.xdp.iter().any(|attached| attached.program == held.program);
    }
    programs_at(on.index, held.place).is_ok_and(|programs| programs.contains(&held.program))
}

/// Whether an interface of this namespace has a program at a place now.
fn holds(place: LinkPlace, index: u32, program: u32) -> bool {
    let Ok(on) = interface_at(index) else { return false };
    if place == LinkPlace::Xdp {
        return on.xdp.iter().any(|attached| attached.program == program);
    }
    programs_at(index, place).is_ok_and(|programs| programs.contains(&program))
}

fn remove(pins: &LinkPins, name: &str, error: Option<io::Error>) {
    if let Some(error) = error {
        log::debug!("the pin {name} is no link: {error}");
    }
    if let Err(error) = pins.remove(name) {
        log::warn!("{error}");
    }
}
