//! How flows begin and end, and who sees their packets.

use crate::flow::Timeouts;

/// How flows begin and end.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Idle times; `None` for one flow per key until the end of the capture.
    pub timeouts: Option<Timeouts>,
    /// Who sees the packets of decided flows.
    pub accounting: Accounting,
    /// At most this many flows at a time: beyond it, one that was silent for longest is ended early,
    /// see [`Ledger`](crate::Ledger).
    pub max_flows: usize,
    /// TCP streams and QUIC connections are read as their receivers read them (see [`crate::Receiver`]), not
    /// packet by packet as they come.
    pub normalise: bool,
}

/// Who sees the packets of decided flows, and so knows how many there were and when they stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accounting {
    /// The classifier: every packet of every flow comes here, as from a capture.
    Classifier,
    /// The kernel, which says when a decided flow is over ([`Classifier::end`](crate::Classifier::end)).
    Kernel,
}
