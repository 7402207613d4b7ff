//! Packets of flows without a verdict: what is done with them, and how far they may queue.

use crate::{Disposition, FlowPacket, Reason, SampleFlags};

impl Disposition {
    /// The same of a packet that is held back ([`crate::Switches::HOLD`]): only where it was shown, as it tells user
    /// space what to decide.
    #[inline(always)]
    #[must_use]
    pub const fn held(self, is_held: bool) -> Self {
        match self {
            Self::Pass(Reason::Shown) if is_held => Self::Drop(Reason::Held),
            _ => self,
        }
    }

    /// What is done with a packet that would be counted under `reason`, where the flow's server is
    /// blocked or not. That one was not shown though it should have been is said in any case; whether the
    /// policy drops what is beyond the budget is only asked of such.
    #[inline(always)]
    pub fn of_undecided(
        reason: Reason,
        server_is_blocked: bool,
        drops_over_budget: impl FnOnce() -> bool,
    ) -> Self {
        match reason {
            Reason::OverBudget if !server_is_blocked && drops_over_budget() => Self::Drop(reason),
            _ if !server_is_blocked => Self::Pass(reason),
            Reason::RingFull | Reason::RingContended | Reason::HeldBack | Reason::Unattended => {
                Self::Drop(reason)
            }
            _ => Self::Drop(Reason::Server),
        }
    }
}

/// How many bytes may wait in a ring when a packet joins them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Backlog(u64);

impl Backlog {
    /// For packets that tell nDPI next to nothing. About 700 of them: a few milliseconds of work.
    const EMPTY: Self = Self(128 << 10);
    /// For packets that open a flow and may be its most telling ones.
    const FIRST: Self = Self(512 << 10);
    /// As many as the ring holds.
    pub const ANY: Self = Self(u64::MAX);

    /// For a packet, the first of its flow or a later one.
    ///
    /// Samples are looked at in the order they came. So a flood of new flows, of which nothing will
    /// come, would make those wait that matter: it is held back where user space is behind. That a flow
    /// opens in place of an earlier one, no later packet says.
    #[inline(always)]
    pub const fn before<K: Copy>(packet: &FlowPacket<K>, first: bool) -> Self {
        if packet.flags & SampleFlags::REOPENED != 0 {
            Self::ANY
        } else if packet.is_empty() {
            Self::EMPTY
        } else if first {
            Self::FIRST
        } else {
            Self::ANY
        }
    }

    /// So many bytes.
    #[inline(always)]
    pub const fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many bytes that are.
    #[inline(always)]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Whether a packet may join `waiting` bytes.
    #[inline(always)]
    pub const fn has_room_behind(self, waiting: u64) -> bool {
        waiting <= self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Backlog;
    use crate::parse::Packet;
    use crate::{Disposition, FlowPacket, Reason, SampleFlags, testing};

    const NEVER: fn() -> bool = || false;

    proptest! {
        #[test]
        fn a_blocked_server_drops_all_and_another_only_what_the_policy_says(
            number in 0..Reason::ALL.len(),
            drops in any::<bool>(),
        ) {
            let reason = Reason::ALL[number];
            let blocked = Disposition::of_undecided(reason, true, || drops);
            prop_assert!(blocked.drops());
            // What could not be shown is known as such, whatever else is done with it.
            let unshown =
                matches!(reason, Reason::RingFull | Reason::RingContended | Reason::HeldBack | Reason::Unattended);
            let counted = if unshown { reason } else { Reason::Server };
            prop_assert!(blocked.reason() == counted);
            let open = Disposition::of_undecided(reason, false, || drops);
            prop_assert!(open.reason() == reason);
            prop_assert!(open.drops() == (drops && reason == Reason::OverBudget));
        }
    }

    #[test]
    fn only_what_is_shown_is_held() {
        for reason in Reason::ALL.iter().copied() {
            let passed = Disposition::Pass(reason);
            assert!(passed.held(false) == passed);
            let held = passed.held(true);
            assert!(held.drops() == (reason == Reason::Shown));
            assert!(held.reason() == if held.drops() { Reason::Held } else { reason });
            let dropped = Disposition::Drop(reason);
            assert!(dropped.held(true) == dropped);
        }
    }

    #[test]
    fn the_policy_is_only_asked_of_what_is_beyond_the_budget() {
        let ask = || panic!("asked");
        assert!(!Disposition::of_undecided(Reason::Shown, false, ask).drops());
        assert!(Disposition::of_undecided(Reason::OverBudget, true, ask).drops());
        assert!(!Disposition::of_undecided(Reason::OverBudget, false, NEVER).drops());
    }

    #[test]
    fn what_tells_least_waits_for_least() {
        let packet = |payload: u32| FlowPacket::new((), &testing::tcp(payload), 0);
        let (empty, full) = (packet(0), packet(100));
        let of = Backlog::before;
        assert!(of(&empty, true) < of(&full, true) && of(&full, true) < of(&full, false));
        assert!(of(&empty, false) == of(&empty, true) && of(&full, false) == Backlog::ANY);
        let reopened = FlowPacket { flags: SampleFlags::REOPENED | SampleFlags::EMPTY, ..empty };
        assert!(of(&reopened, true) == Backlog::ANY);
        let udp = FlowPacket::new((), &Packet { tcp_flags: 0, ..testing::tcp(0) }, 0);
        assert!(of(&udp, true) == of(&full, true), "all that its flow consists of");
    }

    #[test]
    fn a_packet_joins_what_is_at_its_bound() {
        let Backlog(most) = Backlog::EMPTY;
        assert!(Backlog::EMPTY.has_room_behind(most) && !Backlog::EMPTY.has_room_behind(most + 1));
        assert!(Backlog::ANY.has_room_behind(u64::MAX));
    }
}
