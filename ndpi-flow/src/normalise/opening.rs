//! SYNs of one end. It may send several, of which the other end accepts one; or there is one beside it that goes not far
//! enough.

use ndpi_common::parse::tcp;

use super::checksum::Checksum;
use super::options::TcpOptions;
use super::segment::Segment;
use super::sender::Sender;

/// So many are known at once that may be accepted: more do not fit into a usual budget.
const MOST: usize = 32;

/// What a SYN says of its sender's stream.
#[derive(Debug)]
pub(super) struct Opening {
    /// The sequence number that its stream begins with.
    pub(super) start: u32,
    /// It accepts a connection.
    pub(super) is_answer: bool,
    /// By how much the windows that its sender offers are shifted.
    pub(super) window_shift: Option<u8>,
    /// The largest payload that its sender takes.
    pub(super) segment_size: Option<u16>,
    /// What it shows of its sender.
    pub(super) sender: Sender,
}

impl Opening {
    pub(super) fn of(segment: &Segment, options: &TcpOptions, checksum: Option<Checksum>) -> Self {
        let mut sender = Sender::default();
        sender.reads(segment, options, checksum, false);
        Self {
            start: segment.first(),
            is_answer: segment.has(tcp::ACK),
            window_shift: options.window_shift,
            segment_size: options.segment_size,
            sender,
        }
    }
}

/// Those beside the one that counts.
#[derive(Debug, Default)]
pub(super) struct Openings(Vec<Opening>);

impl Openings {
    /// Keeps one. Of too many the oldest goes.
    pub(super) fn push(&mut self, opening: Opening) {
        self.0.retain(|it| (it.start, it.is_answer) != (opening.start, opening.is_answer));
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push(opening);
    }

    /// Takes the one whose stream begins at `start`: what is accepted is none that accepts.
    pub(super) fn take(&mut self, start: u32, is_accepted: bool) -> Option<Opening> {
        let fits = |it: &Opening| it.start == start && !(is_accepted && it.is_answer);
        let at = self.0.iter().position(fits)?;
        Some(self.0.swap_remove(at))
    }

    /// How many bytes it keeps.
    pub(super) fn kept(&self) -> usize {
        self.0.len() * size_of::<Opening>()
    }
}
