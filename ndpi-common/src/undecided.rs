//! Packets of flows without a verdict: what is done with them, and how far they may queue.

use crate::{Disposition, FlowPacket, Reason, SampleFlags, Switches};

/// What becomes of packets of flows without a verdict when user space is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub enum WhenGone {
    /// What the policy says of undecided flows.
    Keep,
    /// They pass.
    Open,
    /// They are dropped.
    Closed,
}

impl WhenGone {
    /// By what is switched on.
    #[inline(always)]
    pub const fn of(switches: u32) -> Self {
        if switches & Switches::GONE_CLOSED != 0 {
            Self::Closed
        } else if switches & Switches::GONE_OPEN != 0 {
            Self::Open
        } else {
            Self::Keep
        }
    }

    /// The other way round.
    pub const fn switches(self) -> u32 {
        match self {
            Self::Keep => 0,
            Self::Open => Switches::GONE_OPEN,
            Self::Closed => Switches::GONE_CLOSED,
        }
    }
}

impl Disposition {
    /// The same of a packet that is met when user space is gone, and whether it is, and whether the policy drops
    /// undecided flows: what is dropped for its server's sake stays dropped. That is only asked of what was not shown.
    #[inline(always)]
    #[must_use]
    pub fn without_user_space(
        self,
        when_gone: WhenGone,
        is_gone: impl FnOnce() -> bool,
        policy_drops: impl FnOnce() -> bool,
    ) -> Self {
        let alone = match (self, when_gone) {
            (Self::Pass(Reason::Shown), _) => return self,
            (Self::Pass(_), WhenGone::Closed) => Self::Drop(Reason::GoneClosed),
            (Self::Pass(_) | Self::Drop(Reason::OverBudget), WhenGone::Open) => {
                Self::Pass(Reason::GoneOpen)
            }
            (Self::Pass(Reason::Unattended), WhenGone::Keep) if policy_drops() => {
                Self::Drop(Reason::Unattended)
            }
            _ => return self,
        };
        if is_gone() { alone } else { self }
    }

    /// The same of a packet with payload of a flow whose client has asked just now ([`crate::Switches::HOLD`]): if it
    /// answers, it is held back where it was shown, as it tells user space what to decide. If it is recent, it is held
    /// back where it is beyond the budget: user space is about to decide, or to have more shown.
    #[inline(always)]
    #[must_use]
    pub const fn held(self, is_answer: bool, is_recent: bool) -> Self {
        match self {
            Self::Pass(Reason::Shown) if is_answer => Self::Drop(Reason::Held),
            Self::Pass(Reason::OverBudget) if is_recent => Self::Drop(Reason::Held),
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
    /// For those of them that may open a QUIC connection: who sends one does not say again what it says there, and user
    /// space takes some of them however much waits. These are the ones that are as long as others are not.
    const INITIAL: Self = Self(2 << 20);
    /// The least payload of a datagram with a client's Initial (RFC 9000, section 14.1).
    const INITIAL_LEN: u32 = 1200;
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
        } else if first && packet.tcp_flags == 0 && packet.end - packet.payload >= Self::INITIAL_LEN
        {
            Self::INITIAL
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

    use super::{Backlog, WhenGone};
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

    /// What becomes of `disposition` when user space is gone.
    fn alone(disposition: Disposition, when_gone: WhenGone, policy_drops: bool) -> Disposition {
        disposition.without_user_space(when_gone, || true, || policy_drops)
    }

    #[test]
    fn when_user_space_is_gone_undecided_flows_are_what_was_asked_for() {
        use Disposition::{Drop, Pass};
        use WhenGone::{Closed, Keep, Open};
        for (met, when_gone, policy_drops, becomes) in [
            (Pass(Reason::Unattended), Keep, false, Pass(Reason::Unattended)),
            (Pass(Reason::Unattended), Keep, true, Drop(Reason::Unattended)),
            (Drop(Reason::OverBudget), Keep, true, Drop(Reason::OverBudget)),
            (Pass(Reason::Unattended), Open, true, Pass(Reason::GoneOpen)),
            (Drop(Reason::OverBudget), Open, true, Pass(Reason::GoneOpen)),
            (Pass(Reason::OverBudget), Open, false, Pass(Reason::GoneOpen)),
            (Pass(Reason::Unattended), Closed, false, Drop(Reason::GoneClosed)),
            (Pass(Reason::OverBudget), Closed, false, Drop(Reason::GoneClosed)),
            (Drop(Reason::OverBudget), Closed, true, Drop(Reason::OverBudget)),
        ] {
            assert_eq!(alone(met, when_gone, policy_drops), becomes, "{met:?} {when_gone:?}");
            let there = met.without_user_space(when_gone, || false, || policy_drops);
            assert_eq!(there, met, "user space is there");
        }
    }

    #[test]
    fn what_is_dropped_for_its_servers_sake_or_shown_is_so_whoever_is_gone() {
        for when_gone in [WhenGone::Keep, WhenGone::Open, WhenGone::Closed] {
            assert_eq!(WhenGone::of(when_gone.switches()), when_gone);
            for reason in [Reason::Server, Reason::Unattended, Reason::RingFull] {
                let dropped = Disposition::Drop(reason);
                assert_eq!(alone(dropped, when_gone, true), dropped);
            }
            let (shown, ask) = (Disposition::Pass(Reason::Shown), || panic!("asked"));
            assert_eq!(shown.without_user_space(when_gone, ask, ask), shown);
        }
    }

    #[test]
    fn only_what_is_shown_or_beyond_the_budget_is_held() {
        for reason in Reason::ALL.iter().copied() {
            let passed = Disposition::Pass(reason);
            assert!(passed.held(false, false) == passed);
            let is_shown = reason == Reason::Shown;
            let is_beyond = reason == Reason::OverBudget;
            for (is_answer, is_recent) in [(true, true), (false, true)] {
                let held = passed.held(is_answer, is_recent);
                assert!(held.drops() == (is_shown && is_answer || is_beyond));
                assert!(held.reason() == if held.drops() { Reason::Held } else { reason });
            }
            let dropped = Disposition::Drop(reason);
            assert!(dropped.held(true, true) == dropped);
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
