//! What user space notes in the entry of a verdict for whoever takes it over, in one word.

use crate::Direction;

/// What an entry says of its flow besides what the kernel has to know: the value of
/// [`VerdictEntry::note`](crate::VerdictEntry::note). An entry of which nothing is known has the word 0.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read by name")]
pub struct EntryNote {
    /// Which way the client's packets go.
    pub client: Option<Direction>,
    /// What decided asked for something that is neither in the entry nor in its key, such as a host name.
    pub rests_on_more: bool,
    /// nDPI has guessed the application.
    pub guessed: bool,
    /// The start of the flow was not seen, and nothing has named it.
    pub incomplete: bool,
    /// How far nDPI had come, of four steps.
    pub state: u8,
    /// How nDPI came to its answer, of up to sixteen ways.
    pub confidence: u8,
    /// Its connection was seen to be one, before the verdict: an answer came from elsewhere than the first packet, or
    /// acknowledgements advanced.
    pub proven: bool,
    /// The interface that saw its first packet; 0 where it is not known.
    pub ifindex: u32,
}

impl EntryNote {
    const CLIENT_LOWER: u32 = 1;
    const CLIENT_UPPER: u32 = 2;
    const RESTS_ON_MORE: u32 = 4;
    const GUESSED: u32 = 8;
    const INCOMPLETE: u32 = 16;
    /// Above the flags lie the numbers, each so many bits from the lowest one on.
    const STATE: u32 = 5;
    const PROVEN: u32 = 128;
    const CONFIDENCE: u32 = 8;
    const IFINDEX: u32 = 12;
    const STATES: u32 = 3;
    const CONFIDENCES: u32 = 15;

    /// The word. An index of more than 20 bits is left out.
    pub const fn word(self) -> u32 {
        let client = match self.client {
            None => 0,
            Some(Direction::FromLower) => Self::CLIENT_LOWER,
            Some(Direction::FromUpper) => Self::CLIENT_UPPER,
        };
        let fits = self.ifindex >> (u32::BITS - Self::IFINDEX) == 0;
        client
            | if self.rests_on_more { Self::RESTS_ON_MORE } else { 0 }
            | if self.guessed { Self::GUESSED } else { 0 }
            | if self.incomplete { Self::INCOMPLETE } else { 0 }
            | if self.proven { Self::PROVEN } else { 0 }
            | (self.state as u32 & Self::STATES) << Self::STATE
            | (self.confidence as u32 & Self::CONFIDENCES) << Self::CONFIDENCE
            | if fits { self.ifindex << Self::IFINDEX } else { 0 }
    }

    /// What a word says.
    pub const fn of_word(word: u32) -> Self {
        let client = match word & (Self::CLIENT_LOWER | Self::CLIENT_UPPER) {
            Self::CLIENT_LOWER => Some(Direction::FromLower),
            Self::CLIENT_UPPER => Some(Direction::FromUpper),
            _ => None,
        };
        Self {
            client,
            rests_on_more: word & Self::RESTS_ON_MORE != 0,
            guessed: word & Self::GUESSED != 0,
            incomplete: word & Self::INCOMPLETE != 0,
            state: (word >> Self::STATE & Self::STATES) as u8,
            confidence: (word >> Self::CONFIDENCE & Self::CONFIDENCES) as u8,
            proven: word & Self::PROVEN != 0,
            ifindex: word >> Self::IFINDEX,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::EntryNote;
    use crate::Direction;

    proptest! {
        #[test]
        fn a_note_comes_back_from_its_word(
            client in 0_u8..3,
            rests_on_more: bool,
            guessed: bool,
            incomplete: bool,
            state in 0_u8..4,
            confidence in 0_u8..16,
            proven: bool,
            ifindex in 0_u32..1 << 20,
        ) {
            let clients = [None, Some(Direction::FromLower), Some(Direction::FromUpper)];
            let client = clients[usize::from(client)];
            let note = EntryNote {
                client,
                rests_on_more,
                guessed,
                incomplete,
                state,
                confidence,
                proven,
                ifindex,
            };
            prop_assert!(EntryNote::of_word(note.word()) == note);
        }
    }

    #[test]
    fn an_index_without_room_is_not_another_one() {
        let note = EntryNote { ifindex: 1 << 20 | 7, guessed: true, ..EntryNote::default() };
        let read = EntryNote::of_word(note.word());
        assert!(read == EntryNote { guessed: true, ..EntryNote::default() });
        assert!(EntryNote::of_word(0) == EntryNote::default());
    }
}
