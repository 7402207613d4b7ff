//! Verdicts: what the rules made of a flow, and the kernel's counters of it.

use crate::{Direction, Disposition, Hook, Reason};

/// What is done with the packets of a decided flow.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug, Hash))]
pub enum Action {
    /// Nothing was decided. No entry of a verdict map carries it.
    None = 0,
    /// Dropped, and counted in the entry.
    Drop = 1,
    /// Dropped and counted as under `Drop`; user space tells the endpoints (TCP reset, ICMP).
    Reject = 2,
    /// Passed, and counted in the entry.
    Count = 3,
    /// Passed with the least work: not counted in the entry, only in the statistics.
    Bypass = 4,
    /// Passed as far as the rule's token bucket allows, dropped beyond it, and counted.
    Limit = 5,
    /// Passed and counted in the entry, and shown as far as its allowance ([`VerdictEntry::bucket`]) goes: user space looks
    /// again at a flow that passes. No rule has it.
    Inspect = 6,
}

impl Action {
    /// Every action that a rule can have.
    pub const ALL: [Self; 5] = [Self::Drop, Self::Reject, Self::Count, Self::Bypass, Self::Limit];

    /// The action that a map entry's byte stands for.
    #[inline(always)]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::None),
            1 => Some(Self::Drop),
            2 => Some(Self::Reject),
            3 => Some(Self::Count),
            4 => Some(Self::Bypass),
            5 => Some(Self::Limit),
            6 => Some(Self::Inspect),
            _ => None,
        }
    }

    /// The word that policies, records and tables use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Drop => "drop",
            Self::Reject => "reject",
            Self::Count => "count",
            Self::Bypass => "bypass",
            Self::Limit => "limit",
            Self::Inspect => "inspect",
        }
    }

    /// Whether the kernel drops every packet of such a flow.
    #[inline(always)]
    pub const fn drops(self) -> bool {
        matches!(self, Self::Drop | Self::Reject)
    }
}

/// How a verdict in force treats a packet, by its action.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub enum Treatment {
    /// So, and the entry does not count it.
    Uncounted(Disposition),
    /// So, and it is counted.
    Counted(Disposition),
    /// It passes as far as the bucket allows, and is counted.
    Limited,
    /// It is dropped and counted, and the first of each direction is shown to be answered.
    Rejected,
    /// It passes and is counted, and is shown as far as the allowance goes.
    Inspected,
    /// As if there were no verdict, but counted: no entry has such an action.
    Undecided,
}

impl Treatment {
    /// That of an entry with this action.
    #[inline(always)]
    pub const fn of(action: u8) -> Self {
        if action == Action::Bypass as u8 {
            Self::Uncounted(Disposition::Pass(Reason::Bypass))
        } else if action == Action::Drop as u8 {
            Self::Counted(Disposition::Drop(Reason::Drop))
        } else if action == Action::Count as u8 {
            Self::Counted(Disposition::Pass(Reason::Count))
        } else if action == Action::Limit as u8 {
            Self::Limited
        } else if action == Action::Reject as u8 {
            Self::Rejected
        } else if action == Action::Inspect as u8 {
            Self::Inspected
        } else {
            Self::Undecided
        }
    }
}

/// Bits of [`VerdictEntry::state`].
pub struct State;

impl State {
    /// Another connection has begun with the same key: the verdict is over, the entry only keeps
    /// the old flow's counters until user space has read and removed it. The packets of the new flow
    /// are tracked and shown as if the entry were not there. It holds if [`VerdictEntry::opening`] says that
    /// this entry is meant: see [`VerdictEntry::is_over`].
    pub const REOPENED: u8 = 1;
    /// [`VerdictEntry::opening`] is a SYN seen since the verdict, which asks for another connection; the
    /// verdict is over when a SYN+ACK acknowledges it. See [`crate::reopen`].
    pub const KNOCKED: u8 = 2;
    /// Since that SYN, an ACK of the other side was let through.
    pub const CHALLENGED: u8 = 4;
    /// [`VerdictEntry::opening`] was written with the verdict: it is the SYN of the connection that the
    /// verdict is about. Says nothing once [`State::KNOCKED`] is set.
    pub const OPENED: u8 = 8;
    /// XDP has seen packets of the lower endpoint: what goes out of the flow under the same key was
    /// counted where it came in. Address translation gives it another key.
    pub const INGRESS_LOWER: u8 = 16;
    /// The same of the upper endpoint.
    pub const INGRESS_UPPER: u8 = 32;
    /// Packets of both endpoints came by at one [`Place`](crate::reopen::Place), and none at another, before
    /// the verdict: that place does not tell them apart.
    pub const ONE_PLACE: u8 = 64;
    /// Later requests of the client are shown: [`VerdictEntry::watch`] says which.
    pub const WATCHED: u8 = 128;
    /// Those that make every packet of the flow one to look at twice.
    pub const UNSETTLED: u8 = Self::REOPENED | Self::KNOCKED;

    /// The bit that says that XDP has seen packets that go `direction`.
    #[inline(always)]
    pub const fn at_ingress(direction: Direction) -> u8 {
        // Without a branch, of which the verifier would follow both sides.
        Self::INGRESS_LOWER << direction as u8
    }

    /// The same of a packet that is seen at `hook`: nothing where that is not XDP.
    #[inline(always)]
    pub const fn seen_at(hook: Hook, direction: Direction) -> u8 {
        match hook {
            Hook::Xdp => Self::at_ingress(direction),
            Hook::Tc => 0,
        }
    }
}

/// Packets and bytes of one direction since they were last folded into a [`Total`].
///
/// The kernel adds to both halves with one 64-bit atomic operation: packets are the lower half in
/// memory order and can never carry into the bytes, as a packet has at least one byte and
/// [`FOLD_AT`] bytes are folded away.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Tally {
    /// Packets since the last fold; a packet that the stack segments later counts as its segments.
    pub packets: u32,
    /// Bytes since the last fold, from the IP header on, as on the wire.
    pub bytes: u32,
}

/// At how many bytes a [`Tally`] is folded into its [`Total`]. It leaves room for 3.75 GiB that
/// other CPUs may add before the fold is done.
pub const FOLD_AT: u32 = 1 << 28;

impl Tally {
    /// What one packet of `packets` segments and `bytes` bytes adds, as the word the kernel adds.
    #[inline(always)]
    pub const fn word(packets: u32, bytes: u32) -> u64 {
        (bytes as u64) << 32 | packets as u64
    }

    /// The packets and bytes of such a word.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "takes the word's halves apart")]
    pub const fn from_word(word: u64) -> Self {
        Self { packets: word as u32, bytes: (word >> 32) as u32 }
    }
}

/// Packets and bytes that were folded out of a [`Tally`].
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Total {
    /// Packets.
    pub packets: u64,
    /// Bytes, from the IP header on.
    pub bytes: u64,
}

impl Total {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { packets: self.packets + other.packets, bytes: self.bytes + other.bytes }
    }

    /// This total and what `tally` holds beyond it.
    #[must_use]
    pub const fn plus(self, tally: Tally) -> Self {
        Self {
            packets: self.packets + tally.packets as u64,
            bytes: self.bytes + tally.bytes as u64,
        }
    }
}

/// An entry of `VERDICTS_V4` and `VERDICTS_V6`.
///
/// User space writes it once; afterwards only the kernel changes it: `last_seen`, the TCP flags,
/// the state and the counters. The count of a direction is [`VerdictEntry::lower`] or [`VerdictEntry::upper`].
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct VerdictEntry {
    /// An [`Action`].
    pub action: u8,
    /// The TCP flags seen since the verdict in packets of the lower endpoint, combined by OR.
    pub tcp_flags_lower: u8,
    /// The same of the upper endpoint.
    pub tcp_flags_upper: u8,
    /// Bits of [`State`].
    pub state: u8,
    /// The tick of the coarse clock ([`crate::TICK_NS`] each, since boot) at the last packet.
    /// The writer sets it to the time of the verdict.
    pub last_seen: u32,
    /// The index of the rule in the policy; `u16::MAX` says that none matched.
    pub rule: u16,
    /// nDPI's application protocol.
    pub app: u16,
    /// nDPI's master protocol.
    pub master: u16,
    /// nDPI's category.
    pub category: u16,
    /// When the flow got its first verdict, in nanoseconds since boot (`CLOCK_BOOTTIME`). With the key
    /// it says which of the entries it is that lay at the same place in memory one after the other.
    pub decided_ns: u64,
    /// Sent by the lower endpoint since the verdict, not yet folded.
    pub from_lower: Tally,
    /// Sent by the upper endpoint since the verdict, not yet folded.
    pub from_upper: Tally,
    /// Sent by the lower endpoint, folded.
    pub folded_lower: Total,
    /// Sent by the upper endpoint, folded.
    pub folded_upper: Total,
    /// Packets of both directions that `limit` dropped; they are part of the counts above.
    pub over_limit: Total,
    /// With the action `limit`, the key in `LIMITS` of the [`crate::Bucket`] that it takes from. With `inspect`, how many
    /// more packets are shown, which the kernel counts down.
    pub bucket: u32,
    /// A [`crate::reopen::Opening`], where the state says of which connection. With
    /// [`State::REOPENED`], the [`VerdictEntry::generation`] of the entry that is over.
    pub opening: u32,
    /// Which of the policies that the instance has had made the entry, from 1: with `rule` a
    /// [`crate::RuleKey`]. The kernel does not read it.
    pub revision: u32,
    /// With [`State::KNOCKED`], the [`crate::reopen::Place`] where that SYN came by.
    pub asked_at: u32,
    /// With [`State::WATCHED`], the key in `REQUESTS` of the [`crate::RequestWatch`] that says which
    /// packets are shown.
    pub watch: u32,
    /// The word of an [`EntryNote`](crate::EntryNote): what whoever takes the entry over is to know. The kernel
    /// does not read it.
    pub note: u32,
}

impl VerdictEntry {
    /// What a packet adds to the entry's first word in memory: its TCP flags, and bits of [`State`].
    #[inline(always)]
    pub const fn first_word_bits(direction: Direction, tcp_flags: u8, state: u8) -> u32 {
        let shift = 8 + 8 * direction as u32;
        (tcp_flags as u32) << shift | (state as u32) << 24
    }

    /// What tells the entry from an earlier one at the same place in memory: the kernel gives the place
    /// of an entry that was removed to the next one at once, while another CPU may still be about to
    /// write what it decided by the earlier one.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "entries of 4 seconds are told apart")]
    pub const fn generation(&self) -> u32 {
        self.decided_ns as u32
    }

    /// Whether another connection has begun, see [`State::REOPENED`].
    pub const fn is_over(&self) -> bool {
        self.state & State::REOPENED != 0 && self.opening == self.generation()
    }

    /// The packets and bytes that the lower endpoint sent since the verdict.
    pub const fn lower(&self) -> Total {
        self.folded_lower.plus(self.from_lower)
    }

    /// The packets and bytes that the upper endpoint sent since the verdict.
    pub const fn upper(&self) -> Total {
        self.folded_upper.plus(self.from_upper)
    }

    /// The packets and bytes of both directions that the kernel dropped.
    pub const fn dropped(&self) -> Total {
        match Action::from_byte(self.action) {
            Some(Action::Drop | Action::Reject) => self.lower().and(self.upper()),
            _ => self.over_limit,
        }
    }
}

const _: () = {
    assert!(size_of::<Tally>() == 4 + 4 && align_of::<Tally>() == 8);
    assert!(size_of::<Total>() == 8 + 8);
    assert!(size_of::<VerdictEntry>() == 4 + 4 + 4 * 2 + 8 + 2 * 8 + 3 * 16 + 6 * 4);
};

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
unsafe impl crate::Pod for VerdictEntry {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Action, State, Tally, Total, Treatment, VerdictEntry};
    use crate::{Direction, Disposition, Hook};

    #[test]
    fn actions_treat_packets_as_they_say() {
        for action in Action::ALL {
            let drops = match Treatment::of(action as u8) {
                Treatment::Counted(disposition) | Treatment::Uncounted(disposition) => {
                    assert!(disposition.reason().name() == action.name());
                    disposition.drops()
                }
                Treatment::Rejected => true,
                Treatment::Limited => false,
                Treatment::Inspected => panic!("no rule has {}", action.name()),
                Treatment::Undecided => panic!("{} decides nothing", action.name()),
            };
            assert!(drops == action.drops());
        }
        let bypassed = Treatment::Uncounted(Disposition::Pass(crate::Reason::Bypass));
        assert!(Treatment::of(Action::Bypass as u8) == bypassed);
        assert!(Treatment::of(Action::Inspect as u8) == Treatment::Inspected);
        assert!([0, 7, 255].iter().all(|action| Treatment::of(*action) == Treatment::Undecided));
    }

    proptest! {
        /// The kernel ORs one word where user space reads four fields.
        #[test]
        fn bits_reach_the_fields_they_are_meant_for(flags: u8, state: u8, upper: bool) {
            let direction = if upper { Direction::FromUpper } else { Direction::FromLower };
            let [action, lower, other, top] =
                VerdictEntry::first_word_bits(direction, flags, state).to_le_bytes();
            let (own, none) = if upper { (other, lower) } else { (lower, other) };
            prop_assert!((action, own, none, top) == (0, flags, 0, state));
        }

        /// However the adds of CPUs and the folds fall, nothing is lost.
        #[test]
        fn folding_keeps_all_that_was_counted(
            packets in prop::collection::vec((1_u32..50, 20_u32..65_536), 0..200),
            folds in prop::collection::vec(any::<bool>(), 200),
        ) {
            let (mut word, mut total) = (0_u64, Total::default());
            for ((packets, bytes), folds) in packets.iter().zip(&folds) {
                word += Tally::word(*packets, *bytes);
                if *folds {
                    total = total.plus(Tally::from_word(core::mem::take(&mut word)));
                }
            }
            let all = total.plus(Tally::from_word(word));
            let count: u64 = packets.iter().map(|(packets, _)| u64::from(*packets)).sum();
            let bytes: u64 = packets.iter().map(|(_, bytes)| u64::from(*bytes)).sum();
            prop_assert!((all.packets, all.bytes) == (count, bytes));
        }
    }

    #[test]
    fn only_xdp_notes_that_a_packet_came_in() {
        assert!(State::seen_at(Hook::Xdp, Direction::FromLower) == State::INGRESS_LOWER);
        assert!(State::seen_at(Hook::Xdp, Direction::FromUpper) == State::INGRESS_UPPER);
        assert!(State::seen_at(Hook::Tc, Direction::FromLower) == 0);
    }

    #[test]
    fn actions_survive_the_map() {
        for action in Action::ALL {
            assert!(Action::from_byte(action as u8) == Some(action));
        }
        assert!(Action::from_byte(Action::Inspect as u8) == Some(Action::Inspect));
        assert!(Action::from_byte(7).is_none());
    }

    #[test]
    fn a_word_adds_both_halves() {
        let word = Tally::word(1, 1500) + Tally::word(44, 65_000);
        assert!(Tally::from_word(word) == Tally { packets: 45, bytes: 66_500 });
    }

    #[test]
    fn the_tally_has_the_word_layout() {
        let tally = Tally { packets: 3, bytes: 180 };
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&tally.packets.to_ne_bytes());
        bytes[4..].copy_from_slice(&tally.bytes.to_ne_bytes());
        assert!(u64::from_le_bytes(bytes) == Tally::word(3, 180));
    }

    #[test]
    fn what_was_meant_for_an_earlier_entry_ends_nothing() {
        let earlier = VerdictEntry { decided_ns: (7 << 32) + 1000, ..VerdictEntry::default() };
        let verdict = VerdictEntry { decided_ns: (7 << 32) + 1001, ..VerdictEntry::default() };
        let opening = earlier.generation();
        let ended = VerdictEntry { state: State::REOPENED, opening, ..verdict };
        assert!(!ended.is_over() && !verdict.is_over());
        assert!(VerdictEntry { opening: verdict.generation(), ..ended }.is_over());
    }

    #[test]
    fn only_a_drop_counts_all_as_dropped() {
        let mut verdict = VerdictEntry {
            action: Action::Drop as u8,
            from_lower: Tally { packets: 2, bytes: 120 },
            folded_upper: Total { packets: 1 << 33, bytes: 1 << 40 },
            over_limit: Total { packets: 1, bytes: 60 },
            ..VerdictEntry::default()
        };
        assert!(verdict.dropped() == Total { packets: (1 << 33) + 2, bytes: (1 << 40) + 120 });
        verdict.action = Action::Limit as u8;
        assert!(verdict.dropped() == Total { packets: 1, bytes: 60 });
    }
}
