//! TC at egress, by tcx or by `clsact`.

use aya::programs::tc::{self, NlOptions, SchedClassifierLinkId, TcAttachOptions, TcError};
use aya::programs::{LinkOrder, ProgramError, SchedClassifier, TcAttachType};

use super::xdp::os_error;
use super::{AttachError, Egress};
use crate::kernel::netlink::{self, Interface};

/// The TC program on one interface.
#[derive(Debug)]
pub(in crate::kernel) struct EgressLink {
    pub(in crate::kernel) by: Egress,
    link: SchedClassifierLinkId,
    /// `clsact` was made for it.
    made_clsact: bool,
}

impl EgressLink {
    /// Attaches `program` the wanted way; says how it is attached.
    pub(in crate::kernel) fn attach(
        program: &mut SchedClassifier,
        interface: &Interface,
        by: Egress,
    ) -> Result<Self, AttachError> {
        if by == Egress::Clsact {
            return Self::attach_clsact(program, interface);
        }
        // First in the row: what another program lets pass for good would not be seen here.
        let options = TcAttachOptions::TcxOrder(LinkOrder::first());
        match program.attach_with_options(&interface.name, TcAttachType::Egress, options) {
            Ok(link) => Ok(Self { by: Egress::Tcx, link, made_clsact: false }),
            // Kernels before 6.6, and some built without, do not know this type of attachment, and
            // say so in different ways. What keeps both ways from working, clsact tells as well.
            Err(source) if by == Egress::Auto => {
                log::debug!("{}: no tcx: {:#}", interface.name, anyhow::Error::new(source));
                Self::attach_clsact(program, interface)
            }
            Err(source) => Err(refused(interface, source)),
        }
    }

    fn attach_clsact(
        program: &mut SchedClassifier,
        interface: &Interface,
    ) -> Result<Self, AttachError> {
        let made_clsact = add_clsact(interface)?;
        let options = TcAttachOptions::Netlink(NlOptions { priority: 1, ..NlOptions::default() });
        match program.attach_with_options(&interface.name, TcAttachType::Egress, options) {
            Ok(link) => Ok(Self { by: Egress::Clsact, link, made_clsact }),
            Err(source) => {
                if made_clsact {
                    remove_empty_clsact(interface.index);
                }
                Err(refused(interface, source))
            }
        }
    }

    /// Takes it off again, and the `clsact` that was made for it if nobody else uses it by now.
    pub(in crate::kernel) fn detach(
        self,
        program: &mut SchedClassifier,
        index: u32,
    ) -> Result<(), ProgramError> {
        let detached = program.detach(self.link);
        if self.made_clsact {
            remove_empty_clsact(index);
        }
        detached
    }
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
