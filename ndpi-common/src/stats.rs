//! Statistics: every packet leaves the programs under one reason and one outcome.
//!
//! `STATS` is a per-CPU array of [`Stat`], indexed by hook, outcome and reason
//! ([`stats_index`]). Over all entries of a hook, the packets add up to what the hook has seen.

use crate::parse::Refusal;

/// Where a packet was seen.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug, Hash))]
pub enum Hook {
    /// XDP, at ingress.
    Xdp = 0,
    /// TC, at egress.
    Tc = 1,
}

/// What became of a packet.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug, Hash))]
pub enum Outcome {
    /// It went on as if there were no program.
    Passed = 0,
    /// It was dropped.
    Dropped = 1,
    /// It was sent to the peer interface, past the stack.
    Redirected = 2,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// Why a packet left the program the way it did.
        #[repr(u8)]
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(feature = "user", derive(Debug, Hash, PartialOrd, Ord))]
        pub enum Reason { $($(#[$doc])* $variant,)+ }

        impl Reason {
            /// Every reason, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in tables, metrics and records.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

reasons! {
    /// The flow's verdict is `drop`.
    Drop = "drop",
    /// The flow's verdict is `reject`.
    Reject = "reject",
    /// The flow's verdict is `count`.
    Count = "count",
    /// The flow's verdict is `bypass`.
    Bypass = "bypass",
    /// The flow's verdict is `limit`: within the rate when passed, beyond it when dropped.
    Limit = "limit",
    /// No verdict yet, and dropped because of the flow's server, see [`crate::Server`]: shown to user
    /// space as far as the budget goes. (Where it was not shown, `RingFull`, `RingContended` or `HeldBack`
    /// counts it as dropped.)
    Server = "server",
    /// No verdict yet; shown to user space, and dropped: a TCP server's answer to the first payload of its client, see
    /// [`crate::Switches::HOLD`].
    Held = "held",
    /// No verdict yet; shown to user space.
    Shown = "shown",
    /// No verdict yet, and the budget is spent.
    OverBudget = "over_budget",
    /// No verdict yet, and a later fragment of a known flow: nDPI cannot use it, it is not shown.
    LaterFragment = "later_fragment",
    /// No verdict yet, and the ring was full: not shown and not charged to the budget.
    RingFull = "ring_full",
    /// No verdict yet, and other CPUs kept the lock of the ring for longer than the kernel waits: not shown
    /// and not charged to the budget.
    RingContended = "ring_contended",
    /// No verdict yet, and user space is behind: a packet that it can do without was not shown and not
    /// charged to the budget, so that others need not wait.
    HeldBack = "held_back",
    /// No verdict yet, and user space has been silent for ten seconds: it was stopped or killed, and the
    /// programs go on alone. Not shown and not charged to the budget.
    Unattended = "unattended",
    /// No verdict yet, and passed as user space is gone, see [`crate::Switches::GONE_OPEN`]: not shown.
    GoneOpen = "gone_open",
    /// No verdict yet, and dropped as user space is gone, see [`crate::Switches::GONE_CLOSED`]: not shown.
    GoneClosed = "gone_closed",
    /// No verdict yet, and no room for a track: not shown.
    TrackFull = "track_full",
    /// A later fragment whose first fragment has not been seen.
    FragmentUnknown = "fragment_unknown",
    /// Seen before under the same addresses, at the ingress of another interface that is attached:
    /// counted there.
    SeenAtIngress = "seen_at_ingress",
    /// Sent by user space to tell an end that its flow is rejected, see [`crate::REJECT_MARK`].
    Answer = "answer",
    /// Neither IPv4 nor IPv6 (ARP and the like).
    NotIp = "not_ip",
    /// An 802.3 frame with a length in place of an EtherType.
    Llc = "llc",
    /// More VLAN tags or MPLS labels than are stepped over.
    TooManyTags = "too_many_tags",
    /// The frame ends within its link header or tags.
    TruncatedLink = "truncated_link",
    /// The frame ends within its IP header.
    TruncatedIp = "truncated_ip",
    /// The IP version does not fit the EtherType.
    BadVersion = "bad_version",
    /// The IPv4 header length is below 5 words.
    BadHeaderLength = "bad_header_length",
    /// The IP length is shorter than the headers it should hold.
    LengthTooShort = "length_too_short",
    /// The IP length is longer than the frame.
    LengthTooLong = "length_too_long",
    /// The IP length is 0.
    LengthZero = "length_zero",
    /// More IPv6 extension headers than are stepped over.
    TooManyExtensions = "too_many_extensions",
    /// The packet ends within an IPv6 extension header.
    TruncatedExtension = "truncated_extension",
    /// The packet ends within its TCP or UDP ports.
    TruncatedPorts = "truncated_ports",
    /// It would have passed, but the other end of the wire is gone, see [`crate::Watched::CUT`].
    NoPeer = "no_peer",
}

/// How many reasons one outcome has room for; a power of two, so that an index is cheap.
const REASONS: u32 = 64;
const OUTCOMES: u32 = 3;

/// The number of entries of `STATS`.
pub const STATS_LEN: u32 = 2 * OUTCOMES * REASONS;

/// Where in `STATS` the packets of a hook that left with `outcome` for `reason` are counted.
#[inline(always)]
pub const fn stats_index(hook: Hook, outcome: Outcome, reason: Reason) -> u32 {
    (hook as u32 * OUTCOMES + outcome as u32) * REASONS + reason as u32
}

/// The hook, outcome and reason of an entry of `STATS`; `None` for indices that are not used.
pub fn stats_parts(index: u32) -> Option<(Hook, Outcome, Reason)> {
    let reason = *Reason::ALL.get((index % REASONS) as usize)?;
    let outcome = match index / REASONS % OUTCOMES {
        0 => Outcome::Passed,
        1 => Outcome::Dropped,
        _ => Outcome::Redirected,
    };
    let hook = match index / REASONS / OUTCOMES {
        0 => Hook::Xdp,
        1 => Hook::Tc,
        _ => return None,
    };
    Some((hook, outcome, reason))
}

/// Packets and bytes under one reason on one CPU: a value of `STATS`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Stat {
    /// Packets; a packet that is segmented later counts as its segments.
    pub packets: u64,
    /// Bytes from the IP header on, as on the wire; of frames that are not IP or cannot be parsed,
    /// the bytes behind the Ethernet header.
    pub bytes: u64,
}

impl core::ops::AddAssign for Stat {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

impl Refusal {
    /// The reason under which a packet that the parser refused is counted.
    #[inline(always)]
    pub const fn reason(self) -> Reason {
        match self {
            Self::NotIp => Reason::NotIp,
            Self::Llc => Reason::Llc,
            Self::TooManyTags => Reason::TooManyTags,
            Self::TruncatedLink => Reason::TruncatedLink,
            Self::TruncatedIp => Reason::TruncatedIp,
            Self::BadVersion => Reason::BadVersion,
            Self::BadHeaderLength => Reason::BadHeaderLength,
            Self::LengthTooShort => Reason::LengthTooShort,
            Self::LengthTooLong => Reason::LengthTooLong,
            Self::LengthZero => Reason::LengthZero,
            Self::TooManyExtensions => Reason::TooManyExtensions,
            Self::TruncatedExtension => Reason::TruncatedExtension,
        }
    }
}

const _: () = {
    assert!(size_of::<Stat>() == 8 + 8);
    assert!(Reason::ALL.len() <= REASONS as usize);
};

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
unsafe impl crate::Pod for Stat {}

#[cfg(test)]
mod tests {
    use super::{Hook, Outcome, Reason, STATS_LEN, stats_index, stats_parts};

    #[test]
    fn indices_are_distinct_and_reversible() {
        let mut used = [false; STATS_LEN as usize];
        for hook in [Hook::Xdp, Hook::Tc] {
            for outcome in [Outcome::Passed, Outcome::Dropped, Outcome::Redirected] {
                for &reason in Reason::ALL {
                    let index = stats_index(hook, outcome, reason);
                    assert!(!core::mem::replace(&mut used[index as usize], true));
                    assert!(stats_parts(index) == Some((hook, outcome, reason)));
                }
            }
        }
        assert!(stats_parts(STATS_LEN).is_none());
    }
}
