//! A wire between two interfaces: what passes on one goes out of the other.

use super::promiscuous::Promiscuous;
use super::{AttachError, Attachment, Mode};
use crate::kernel::netlink::{Interface, takes_redirects};

/// What keeps a wire going besides the programs.
#[derive(Debug)]
pub(in crate::kernel) struct Wire {
    _ends: [Promiscuous; 2],
}

impl Wire {
    pub(in crate::kernel) fn new(ends: [&Interface; 2]) -> Result<Self, AttachError> {
        let [left, right] = ends;
        if left.index == right.index {
            return Err(AttachError::OwnPeer(left.name.clone()));
        }
        Ok(Self { _ends: [Promiscuous::set(left)?, Promiscuous::set(right)?] })
    }
}

/// Checks that frames which pass on `from` can go out of `to`. Frames that generic XDP redirects
/// take the ordinary way out, which every interface has.
pub(in crate::kernel) fn check(from: &Attachment, to: &Attachment) -> Result<(), AttachError> {
    if from.ingress != Some(Mode::Native) {
        return Ok(());
    }
    match takes_redirects(to.index) {
        Ok(None | Some(true)) => Ok(()),
        Ok(Some(false)) => Err(AttachError::NoRedirects { interface: to.interface.clone() }),
        Err(error) => {
            log::debug!("cannot read the XDP features of {}: {error}", to.interface);
            Ok(())
        }
    }
}
