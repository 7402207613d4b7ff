//! Settings: those fixed at load, and those that change while the programs run.

use crate::CoarseClock;

/// The programs' writable data, an array map with this one value.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Live {
    /// How the programs tell the time by themselves, in ticks of [`crate::TICK_NS`] since boot.
    pub clock: CoarseClock,
    /// What the clock showed when somebody looked last: user space does ten times a second as long as it
    /// runs, and the programs do where it matters that it may not. Packets of decided flows only read it.
    pub tick: u32,
    /// The tick at which user space last said that it reads the rings; 0 where nobody is to say so.
    pub heartbeat: u32,
    /// Always 0, which the verifier does not know: the programs add it to a number to keep the
    /// verifier from following every value of it.
    pub zero: u32,
    /// Those of [`Switches`] that are in [`Switches::LIVE`]: what the policy says of packets that
    /// no rule can be asked about.
    pub switches: u32,
    /// How many entries `SERVERS` has; while it is 0, the programs do not look there.
    pub servers: u32,
    /// Those of [`Switches`] that are fixed at load, for whoever reads the maps of a running or dead instance:
    /// the programs have their own.
    pub fixed: u32,
    /// Ticks without a heartbeat after which [`Switches::GONE_OPEN`] or [`Switches::GONE_CLOSED`] holds, at least
    /// [`SILENCE_TICKS`]; 0 for never.
    pub gone_after: u32,
    /// 1 where user space has ended and left the programs: nothing is shown from then on.
    pub left: u32,
}

/// Ticks without a heartbeat after which nobody is taken to read the rings: ten seconds, many times what
/// any load delays it by.
pub const SILENCE_TICKS: u32 = 100;

/// For how many ticks a server's answer is held at most: a second. User space decides within milliseconds of the packet
/// that tells, and TCP sends again after some 200 milliseconds (RFC 6298 has a second for the first time).
pub const HOLD_TICKS: u32 = 10;

impl Live {
    /// The same with a clock that stands at `tick`.
    #[must_use]
    pub const fn standing_at(self, tick: u32) -> Self {
        Self { clock: CoarseClock::standing_at(tick), tick, ..self }
    }

    /// Whether user space has been silent for too long at this tick, since it said `heartbeat`.
    #[inline(always)]
    pub const fn is_silent(heartbeat: u32, tick: u32) -> bool {
        Self::is_silent_for(heartbeat, tick, SILENCE_TICKS)
    }

    /// Whether it has been silent for more than `ticks`.
    #[inline(always)]
    const fn is_silent_for(heartbeat: u32, tick: u32, ticks: u32) -> bool {
        heartbeat != 0 && tick.wrapping_sub(heartbeat).cast_signed() > ticks.cast_signed()
    }

    /// Whether it has been silent for more than `gone_after` ticks, see [`Live::gone_after`].
    #[inline(always)]
    pub const fn is_gone(heartbeat: u32, tick: u32, gone_after: u32) -> bool {
        gone_after != 0 && Self::is_silent_for(heartbeat, tick, gone_after)
    }
}

/// What can be switched on: bits of the setting `SWITCHES`, which is fixed when the programs are
/// loaded, and of [`Live::switches`].
pub struct Switches;

impl Switches {
    /// Look into tunnels: what their own flow's verdict lets pass is decided by what is inside.
    pub const TUNNELS: u32 = 1;
    /// Drop packets whose IPv6 extension headers go beyond the bound, instead of passing them.
    pub const DROP_LONG_CHAINS: u32 = 2;
    /// Drop later fragments whose first fragment has not been seen, instead of passing them.
    pub const DROP_UNKNOWN_FRAGMENTS: u32 = 4;
    /// Redirect what passes XDP to the interface's peer, see `PEERS`.
    pub const PEERS: u32 = 8;
    /// Drop packets that no host could make sense of, instead of passing them: those the parser
    /// refuses as malformed (see [`crate::parse::Refusal::is_malformed`]) and, as long as their flow has no
    /// verdict, those whose IP length goes beyond the frame or that end within their ports.
    pub const DROP_UNPARSABLE: u32 = 16;

    /// Drop packets of flows without a verdict whose budget is used up, instead of passing them.
    pub const DROP_OVER_BUDGET: u32 = 32;

    /// Open only tunnels between hosts of `TUNNEL_ENDS`.
    pub const TUNNEL_ENDS: u32 = 64;

    /// Decide and count as usual, but drop nothing: what would be dropped passes under the same reason.
    pub const DRY_RUN: u32 = 128;

    /// Drop what a TCP server answers to the first payload of its client, for up to [`HOLD_TICKS`], while the flow has
    /// no verdict: see [`crate::Track::holds`].
    pub const HOLD: u32 = 256;

    /// Pass packets of flows without a verdict when user space has been gone for [`Live::gone_after`], whatever the
    /// policy says of undecided flows.
    pub const GONE_OPEN: u32 = 512;

    /// Drop them. Without either, they are what the policy says of undecided flows.
    pub const GONE_CLOSED: u32 = 1024;

    /// Those that change while the programs run, with the policy; the others are fixed when the
    /// programs are loaded.
    pub const LIVE: u32 =
        Self::DROP_UNKNOWN_FRAGMENTS | Self::DROP_UNPARSABLE | Self::DROP_OVER_BUDGET | Self::HOLD;
}

/// The most bytes of a packet that a sample can hold: a jumbo frame's.
pub const MAX_SNAP: u32 = 9216;

const _: () = assert!(size_of::<Live>() == 16 + 8 * 4);

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
unsafe impl crate::Pod for Live {}

#[cfg(test)]
mod tests {
    use super::{Live, SILENCE_TICKS};

    #[test]
    fn silence_is_a_heartbeat_long_ago() {
        let beat = 5_000;
        assert!(!Live::is_silent(beat, beat) && !Live::is_silent(beat, beat + SILENCE_TICKS));
        assert!(Live::is_silent(beat, beat + SILENCE_TICKS + 1));
        assert!(!Live::is_silent(beat, beat - 1), "user space's clock may be a tick ahead");
        assert!(!Live::is_silent(0, u32::MAX / 4), "nobody is to say anything");
        assert!(!Live::is_silent(u32::MAX, 3), "the clock wrapped in between");
    }

    #[test]
    fn gone_is_longer_than_silent() {
        let (beat, after) = (5_000, 3 * SILENCE_TICKS);
        assert!(!Live::is_gone(beat, beat + after, after));
        assert!(Live::is_gone(beat, beat + after + 1, after));
        assert!(!Live::is_gone(beat, beat + after + 1, 0), "never");
        assert!(!Live::is_gone(0, beat + after + 1, after), "nobody is to say anything");
    }
}
