//! TC programs, by tcx or by `clsact`: at egress, and at ingress on the ends of wires.

use std::io;
use std::os::fd::AsFd as _;

use aya::programs::tc::{
    self, NlOptions, SchedClassifierLink, SchedClassifierLinkId, TcAttachOptions, TcError, TcHandle,
};
use aya::programs::{ProgramError, SchedClassifier, TcAttachType, loaded_programs};
use ndpi_common::names::program;

use super::bpf_link::BpfLink;
use super::link_store::LinkStore;
use super::xdp::os_error;
use super::{AttachError, Egress};
use crate::lock::user_of;
use crate::netlink::{self, Interface};
use crate::sys::link::{LinkPlace, programs_at};

/// `BPF_F_BEFORE`: with nothing named, the first place.
const FIRST: u32 = 1 << 3;

/// Which way the packets go that a TC program sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ingress,
    Egress,
}

impl Side {
    pub(super) fn parent(self) -> u32 {
        match self {
            Self::Ingress => netlink::INGRESS,
            Self::Egress => netlink::EGRESS,
        }
    }

    fn place(self) -> LinkPlace {
        match self {
            Self::Ingress => LinkPlace::TcxIngress,
            Self::Egress => LinkPlace::TcxEgress,
        }
    }

    pub(super) fn attach_type(self) -> TcAttachType {
        match self {
            Self::Ingress => TcAttachType::Ingress,
            Self::Egress => TcAttachType::Egress,
        }
    }
}

/// A TC program on one interface.
#[derive(Debug)]
pub(crate) struct TcLink {
    pub(crate) by: Egress,
    side: Side,
    held: Held,
}

/// What holds the program there.
#[derive(Debug)]
enum Held {
    Link(BpfLink),
    Filter {
        link: SchedClassifierLinkId,
        /// The kernel's number for the program.
        program: u32,
        /// `clsact` was made for it.
        made_clsact: bool,
        /// It is to be there when this is gone.
        stays: bool,
        /// What it took the place of, of an instance that is gone, until that one's is taken.
        before: Option<Box<Replaced>>,
    },
}

/// A filter of an instance that is gone, which was replaced.
#[derive(Debug)]
struct Replaced {
    priority: u16,
    handle: u32,
    /// Its program, where the kernel lets us have that.
    program: Option<SchedClassifier>,
}

impl TcLink {
    /// Attaches `program` the wanted way; says how it is attached. Where an instance that is gone has left
    /// a program there, that one is replaced.
    pub(crate) fn attach(
        program: &mut SchedClassifier,
        interface: &Interface,
        side: Side,
        by: Egress,
        store: &mut LinkStore,
    ) -> Result<Self, AttachError> {
        refuse_if_watched(interface, side, store)?;
        if by == Egress::Clsact {
            return Self::attach_clsact(program, interface, side, store);
        }
        match Self::attach_tcx(program, interface, side, store) {
            Ok(link) => Ok(Self { by: Egress::Tcx, side, held: Held::Link(link) }),
            // Kernels before 6.6, and some built without, do not know this type of attachment, and
            // say so in different ways. What keeps both ways from working, clsact tells as well.
            Err(source) if by == Egress::Auto => {
                log::debug!("{}: no tcx: {:#}", interface.name, anyhow::Error::new(source));
                Self::attach_clsact(program, interface, side, store)
            }
            Err(source) => Err(refused(interface, source)),
        }
    }

    fn attach_tcx(
        program: &SchedClassifier,
        interface: &Interface,
        side: Side,
        store: &mut LinkStore,
    ) -> Result<BpfLink, ProgramError> {
        let (fd, number) = (program.fd()?.as_fd(), program.info()?.id());
        let earlier = match store.take_over(side.place(), interface, (fd, number)) {
            Some((link, Ok(()))) => return Ok(link),
            Some((link, Err(error))) => {
                let (name, error) = (&interface.name, anyhow::Error::new(error));
                log::warn!(
                    "{name}: TC is attached again, as its program cannot be replaced: {error:#}"
                );
                Some(link)
            }
            None => None,
        };
        // First in the row: what another program lets pass for good would not be seen here.
        let made = BpfLink::new(fd, interface.index, side.place(), FIRST);
        let mut link = match made {
            Ok(link) => link,
            Err(error) => {
                if let Some(earlier) = earlier {
                    store.put_back(earlier);
                }
                return Err(error);
            }
        };
        if let Some(mut earlier) = earlier {
            // Behind ours, it would count everything twice.
            earlier.set_stays(false);
        }
        store.pin(&mut link, interface);
        Ok(link)
    }

    fn attach_clsact(
        program: &mut SchedClassifier,
        interface: &Interface,
        side: Side,
        store: &LinkStore,
    ) -> Result<Self, AttachError> {
        let number = program.info().map_err(|source| refused(interface, source))?.id();
        let filter = |link, made_clsact, before: Option<Box<Replaced>>| Self {
            by: Egress::Clsact,
            side,
            held: Held::Filter {
                link,
                program: number,
                made_clsact,
                stays: before.is_some(),
                before,
            },
        };
        if let Some((link, before)) = replace_filter(program, interface, side, store) {
            // Whoever made clsact: it goes when nothing is in it any more.
            return Ok(filter(link, true, Some(before)));
        }
        let made_clsact = add_clsact(interface)?;
        let options = TcAttachOptions::Netlink(NlOptions { priority: 1, ..NlOptions::default() });
        match program.attach_with_options(&interface.name, side.attach_type(), options) {
            Ok(link) => Ok(filter(link, made_clsact, None)),
            Err(source) => {
                if made_clsact {
                    remove_empty_clsact(interface.index);
                }
                Err(refused(interface, source))
            }
        }
    }

    /// Whether the program is still there; `index` is the interface's in this namespace.
    pub(crate) fn is_alive(&self, index: u32) -> io::Result<bool> {
        match &self.held {
            Held::Link(link) => Ok(link.ifindex()?.is_some()),
            Held::Filter { program, .. } => {
                let (filters, _) = netlink::filters(index, self.side.parent())?;
                Ok(filters.iter().any(|filter| filter.program == *program))
            }
        }
    }

    /// Whether a link holds it, which goes with the interface wherever that goes.
    pub(crate) fn is_link(&self) -> bool {
        matches!(self.held, Held::Link(_))
    }

    /// Makes it this instance's own.
    pub(crate) fn take(&mut self) {
        match &mut self.held {
            Held::Link(link) => link.take(),
            Held::Filter { stays, before, .. } => (*stays, *before) = (false, None),
        }
    }

    /// Takes it off, or where it is in the place of one of an instance that is gone, puts that one back.
    pub(crate) fn give_back(
        self,
        program: &mut SchedClassifier,
        interface: &Interface,
        store: &mut LinkStore,
    ) -> Result<(), ProgramError> {
        let side = self.side;
        match self.held {
            Held::Link(mut link) if link.is_anothers() => {
                link.give_back();
                store.put_back(link);
                Ok(())
            }
            Held::Filter { link, before: Some(before), .. } => {
                forget(program, link);
                before.restore(interface, side)
            }
            _ => self.detach(program, interface.index),
        }
    }

    /// Leaves the program there when this is dropped or detached, or not.
    pub(crate) fn set_stays(&mut self, stay: bool) {
        match &mut self.held {
            Held::Link(link) => link.set_stays(stay),
            Held::Filter { stays, .. } => *stays = stay,
        }
    }

    /// Takes it off again, unless it is to stay, and the `clsact` that was made for it if nobody else uses
    /// it by now.
    pub(crate) fn detach(
        self,
        program: &mut SchedClassifier,
        index: u32,
    ) -> Result<(), ProgramError> {
        let Held::Filter { link, made_clsact, stays, .. } = self.held else { return Ok(()) };
        if stays {
            forget(program, link);
            return Ok(());
        }
        let detached = program.detach(link);
        if made_clsact {
            remove_empty_clsact(index);
        }
        detached
    }

    /// Lets go of one that is not there any more: another filter may be in its place.
    pub(crate) fn forget(self, program: Result<&mut SchedClassifier, ProgramError>) {
        if let (Held::Filter { link, .. }, Ok(program)) = (self.held, program) {
            forget(program, link);
        }
    }
}

/// Lets go of a filter, whatever is in its place.
fn forget(program: &mut SchedClassifier, link: SchedClassifierLinkId) {
    if let Ok(link) = program.take_link(link) {
        // On drop it would remove what is there now. It holds nothing but numbers.
        std::mem::forget(link);
    }
}

/// Puts `program` in the place of the one that an instance which is gone has left in a filter, if there is
/// one: no packet meets neither.
fn replace_filter(
    program: &mut SchedClassifier,
    interface: &Interface,
    side: Side,
    store: &LinkStore,
) -> Option<(SchedClassifierLinkId, Box<Replaced>)> {
    let (filters, _) = netlink::filters(interface.index, side.parent()).ok()?;
    let filter = filters.iter().find(|filter| store.is_earlier(filter))?;
    let (handle, kind) = (TcHandle::from(filter.handle), side.attach_type());
    let link =
        SchedClassifierLink::attached(&interface.name, kind, filter.priority, handle, None).ok()?;
    // Before it is replaced: then it may be gone.
    let before = loaded_classifier(filter.program);
    let before = Replaced { priority: filter.priority, handle: filter.handle, program: before };
    let replaced = program.attach_to_link(link).map_err(anyhow::Error::new);
    if let Err(error) = &replaced {
        log::warn!("{}: a TC filter is not replaced: {error:#}", interface.name);
    }
    Some((replaced.ok()?, Box::new(before)))
}

/// The loaded program with this number, where the kernel lets us have it.
fn loaded_classifier(number: u32) -> Option<SchedClassifier> {
    let info = loaded_programs().flatten().find(|info| info.id() == number)?;
    SchedClassifier::from_program_info(info, program::TC.into()).ok()
}

impl Replaced {
    /// Puts it back in its place.
    fn restore(self, interface: &Interface, side: Side) -> Result<(), ProgramError> {
        let Some(mut program) = self.program else { return Ok(()) };
        let (handle, kind) = (TcHandle::from(self.handle), side.attach_type());
        let link =
            SchedClassifierLink::attached(&interface.name, kind, self.priority, handle, None);
        let link = program.attach_to_link(link?)?;
        forget(&mut program, link);
        Ok(())
    }
}

/// Refuses where another instance has a program: each would count what the other does.
fn refuse_if_watched(
    interface: &Interface,
    side: Side,
    store: &LinkStore,
) -> Result<(), AttachError> {
    let programs = programs_at(interface.index, side.place()).unwrap_or_default();
    let filters = netlink::filters(interface.index, side.parent()).unwrap_or_default().0;
    let all = programs.into_iter().chain(filters.into_iter().map(|filter| filter.program));
    for id in all.filter(|id| store.is_anothers(*id)) {
        if let Some(user) = user_of(id) {
            let interface = interface.name.clone();
            return Err(AttachError::Watched { interface, id, user });
        }
    }
    Ok(())
}

/// Whether `clsact` had to be made.
fn add_clsact(interface: &Interface) -> Result<bool, AttachError> {
    match tc::qdisc_add_clsact(&interface.name) {
        Ok(()) => Ok(true),
        Err(TcError::AlreadyAttached) => Ok(false),
        Err(error) if os_error(&error) == Some(libc::EEXIST) => Ok(false),
        Err(source) => Err(AttachError::Clsact { interface: interface.name.clone(), source }),
    }
}

/// Removes the interface's `clsact` unless there are filters in it.
pub(super) fn remove_empty_clsact(index: u32) {
    let empty =
        |parent| matches!(netlink::filters(index, parent), Ok((ours, 0)) if ours.is_empty());
    if empty(netlink::EGRESS)
        && empty(netlink::INGRESS)
        && let Err(error) = netlink::delete_clsact(index)
    {
        log::debug!("cannot remove clsact from interface {index}: {error}");
    }
}

fn refused(interface: &Interface, source: ProgramError) -> AttachError {
    AttachError::Refused { what: "the TC program", interface: interface.name.clone(), source }
}
