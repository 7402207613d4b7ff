//! Packets of versions whose keys are not derived: drafts, and those of Google and Meta before there was a standard.

use ndpi_common::Direction;

use super::header::{FIXED, LONG_HEADER};

/// Packets of a client that wait for its server to answer in their version.
#[derive(Debug, Default)]
pub(super) struct Unknown(Vec<(Direction, u32, Box<[u8]>)>);

impl Unknown {
    /// Keeps a packet.
    pub(super) fn push(&mut self, sender: Direction, version: u32, l3: &[u8]) {
        self.0.push((sender, version, l3.into()));
    }

    /// Whether a packet of this version answers one.
    pub(super) fn is_answered(&self, sender: Direction, version: u32) -> bool {
        self.0.iter().any(|it| it.0 != sender && it.1 == version)
    }

    /// The end that has sent them, if they are all of one end and one version.
    pub(super) fn only_sender(&self) -> Option<Direction> {
        let first = self.0.first()?;
        self.0.iter().all(|it| (it.0, it.1) == (first.0, first.1)).then_some(first.0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes those of one version, or all.
    pub(super) fn take(&mut self, version: Option<u32>) -> Vec<Box<[u8]>> {
        let all = std::mem::take(&mut self.0).into_iter();
        all.filter(|it| version.is_none_or(|of| it.1 == of)).map(|it| it.2).collect()
    }

    /// Drops the first; false if there is none.
    pub(super) fn drop_first(&mut self) -> bool {
        let is_there = !self.0.is_empty();
        self.0.drain(..usize::from(is_there));
        is_there
    }

    /// How many bytes it keeps.
    pub(super) fn kept(&self) -> usize {
        self.0.iter().map(|it| it.2.len()).sum()
    }
}

/// The version of a datagram that is a packet of one of these.
pub(super) fn version(datagram: &[u8]) -> Option<u32> {
    let (first, rest) = datagram.split_first()?;
    let version = rest.first_chunk()?;
    let is_one =
        matches!(version, [0xff, 0, 0, _] | [0xfa, 0xce, 0xb0, _] | [b'Q' | b'T', b'0', ..]);
    (first & (LONG_HEADER | FIXED) == LONG_HEADER | FIXED && is_one)
        .then(|| u32::from_be_bytes(*version))
}
