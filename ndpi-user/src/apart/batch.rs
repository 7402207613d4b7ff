//! Questions that are asked in one message, and its answers: each trip to the other process takes as long as nDPI
//! takes for several packets.

use ndpi_flow::Packet;

use super::coded::{Decoder, Encoder};
use super::question::Question;

/// Questions in a message at most.
const MOST: usize = 64;
/// Bytes of questions, from which on no other is added: together with the longest packet, there is room for them.
const ENOUGH: usize = 16 << 10;

/// Questions, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it is to be asked before another question is added.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= MOST || self.bytes.len() >= ENOUGH
    }

    pub(super) fn push(&mut self, question: &Question<'_>) {
        question.encode(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Adds a packet to the last question, if that is a look with room for it.
    pub(super) fn add_packet(&mut self, packet: Packet<'_>) -> bool {
        let [.., last] = *self.ends else { return false };
        let begin = self.ends.iter().rev().nth(1).copied().unwrap_or_default();
        let is_added = last < ENOUGH && Question::add_packet(&mut self.bytes, begin, packet);
        if let Some(end) = self.ends.last_mut() {
            *end = self.bytes.len();
        }
        is_added
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Puts those at `places` into a message, behind the numbers of flows that are over.
    pub(super) fn encode(&self, over: &[u32], places: &[usize], message: &mut Vec<u8>) {
        let mut out = Encoder(message);
        out.u32(u32::try_from(over.len()).unwrap_or(u32::MAX));
        for &flow in over {
            out.u32(flow);
        }
        for &place in places {
            let begin = place.checked_sub(1).map_or(0, |before| self.ends[before]);
            out.bytes(&self.bytes[begin..self.ends[place]]);
        }
    }
}

/// The flows that are over, and the questions of a message.
pub(super) fn decode(message: &[u8]) -> Option<(Vec<u32>, Parts<'_>)> {
    let mut from = Decoder(message);
    let over = (0..from.u32()?).map(|_| from.u32()).collect::<Option<_>>()?;
    Some((over, Parts(from)))
}

/// The answers of a message, in the order of the questions. The last may be missing.
pub(super) fn answers(message: &[u8]) -> Parts<'_> {
    Parts(Decoder(message))
}

/// Questions or answers, one behind the other, as far as they are whole.
#[derive(Debug)]
pub(super) struct Parts<'a>(Decoder<'a>);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.0.bytes()
    }
}
