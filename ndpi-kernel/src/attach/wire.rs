//! A wire between two interfaces: what passes on one goes out of the other.

use super::AttachError;
use super::promiscuous::Promiscuous;
use crate::netlink::{Interface, takes_redirects};

/// What keeps a wire going besides the programs.
#[derive(Debug)]
pub(crate) struct Wire {
    ends: [End; 2],
}

#[derive(Debug)]
struct End {
    index: u32,
    up: bool,
    _promiscuous: Promiscuous,
}

impl Wire {
    pub(crate) fn new(ends: [&Interface; 2]) -> Result<Self, AttachError> {
        let [left, right] = ends;
        Ok(Self { ends: [End::new(left)?, End::new(right)?] })
    }

    pub(crate) fn ends(&self) -> [u32; 2] {
        self.ends.each_ref().map(|end| end.index)
    }

    pub(crate) fn has_end(&self, index: u32) -> bool {
        self.ends().contains(&index)
    }

    /// Notes whether an end is up; gives the other end where that is news.
    pub(crate) fn note_up(&mut self, index: u32, up: bool) -> Option<u32> {
        let other = self.ends().into_iter().find(|&end| end != index)?;
        let end = self.ends.iter_mut().find(|end| end.index == index)?;
        (std::mem::replace(&mut end.up, up) != up).then_some(other)
    }
}

impl End {
    fn new(interface: &Interface) -> Result<Self, AttachError> {
        let promiscuous = Promiscuous::set(interface)?;
        Ok(Self { index: interface.index, up: interface.up, _promiscuous: promiscuous })
    }
}

/// Checks that an interface sends the frames that native XDP redirects to it.
pub(crate) fn check_redirects(to: &Interface) -> Result<(), AttachError> {
    match takes_redirects(to.index) {
        Ok(None | Some(true)) => Ok(()),
        Ok(Some(false)) => Err(AttachError::NoRedirects { interface: to.name.clone() }),
        Err(error) => {
            log::debug!("cannot read the XDP features of {}: {error}", to.name);
            Ok(())
        }
    }
}
