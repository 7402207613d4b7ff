//! Settings: fixed by the loader before the verifier sees the programs, or live in `.bss`.

use core::ptr;

use aya_ebpf::Global;
use aya_ebpf::helpers::bpf_jiffies64;
use ndpi_common::{ABI_VERSION, CoarseClock, Division, FlowPacket, Live, Switches, WhenGone};

/// Which version of the shared types this object was built with; the loader reads it.
#[unsafe(no_mangle)]
static ABI: Global<u32> = Global::new(ABI_VERSION);
#[unsafe(no_mangle)]
static BUDGET: Global<u32> = Global::new(32);
#[unsafe(no_mangle)]
static SNAP: Global<u32> = Global::new(ndpi_common::MAX_SNAP);
#[unsafe(no_mangle)]
static SWITCHES: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static IDLE_TICKS: Global<u32> = Global::new(1200);
#[unsafe(no_mangle)]
static WORKERS: Global<u32> = Global::new(1);
#[unsafe(no_mangle)]
static DIVISION_SEED: Global<u64> = Global::new(0);

/// Written by user space through the map that the section becomes.
#[unsafe(no_mangle)]
static mut LIVE: Live = Live {
    clock: CoarseClock { rate: 0, offset: 0 },
    tick: 0,
    heartbeat: 0,
    zero: 0,
    switches: 0,
    servers: 0,
    fixed: 0,
    gone_after: 0,
    left: 0,
};

/// Packets of an undecided flow that are shown at most.
#[inline(always)]
pub(super) fn budget() -> u32 {
    BUDGET.load()
}

/// Bytes of a packet that are shown at most.
#[inline(always)]
pub(super) fn snap() -> u32 {
    SNAP.load()
}

/// How flows are divided among workers.
#[inline(always)]
pub(super) fn division() -> Division {
    Division { parts: WORKERS.load(), seed: DIVISION_SEED.load() }
}

/// Whether one of [`Switches`] is on that is fixed at load.
#[inline(always)]
pub(super) fn is_on(switch: u32) -> bool {
    SWITCHES.load() & switch != 0
}

/// Whether one of [`Switches::LIVE`] is on.
#[inline(always)]
pub(super) fn is_on_now(switch: u32) -> bool {
    // SAFETY: as for `tick`.
    unsafe { ptr::read_volatile(&raw const LIVE.switches) & switch != 0 }
}

/// Whether there are servers to look for, see `SERVERS`.
#[inline(always)]
pub(super) fn has_servers() -> bool {
    // SAFETY: as for `tick`.
    unsafe { ptr::read_volatile(&raw const LIVE.servers) != 0 }
}

/// Whether the frames that pass are sent to the interface's peer.
#[inline(always)]
pub(super) fn has_peers() -> bool {
    is_on(Switches::PEERS)
}

/// Ticks without a packet after which a flow of the same key is a new one.
#[inline(always)]
pub(super) fn idle_ticks() -> u32 {
    IDLE_TICKS.load()
}

/// Whether a packet is opened, and goes on as the one inside unless it is dropped.
#[inline(always)]
pub(super) fn opens<K: Copy>(packet: &FlowPacket<K>) -> bool {
    is_on(Switches::TUNNELS) && packet.is_outer()
}

/// Whether the last packet is longer ago than a flow may pause. A time ahead of the clock, which
/// user space may write, is not.
#[inline(always)]
pub(super) fn is_idle(last_seen: u32) -> bool {
    let pause = tick().wrapping_sub(last_seen).cast_signed();
    pause > idle_ticks().cast_signed()
}

/// Whether user space has been silent for so long that nobody is taken to read the rings.
#[inline(always)]
pub(super) fn is_unattended() -> bool {
    // SAFETY: as for `tick`.
    let (heartbeat, left) = unsafe {
        (ptr::read_volatile(&raw const LIVE.heartbeat), ptr::read_volatile(&raw const LIVE.left))
    };
    left != 0 || Live::is_silent(heartbeat, tick())
}

/// What is done with undecided flows when user space is gone.
#[inline(always)]
pub(super) fn when_gone() -> WhenGone {
    WhenGone::of(SWITCHES.load())
}

/// Whether user space has been silent for so long that [`when_gone`] holds.
#[inline(always)]
pub(super) fn is_gone() -> bool {
    // SAFETY: as for `tick`.
    let (heartbeat, after) = unsafe {
        (
            ptr::read_volatile(&raw const LIVE.heartbeat),
            ptr::read_volatile(&raw const LIVE.gone_after),
        )
    };
    Live::is_gone(heartbeat, tick(), after)
}

/// The coarse clock, as somebody saw it last.
#[inline(always)]
pub(super) fn tick() -> u32 {
    // SAFETY: `LIVE` is valid for the program's life, and each word of it is written whole.
    unsafe { ptr::read_volatile(&raw const LIVE.tick) }
}

/// The coarse clock as it is now, whether user space runs or not; it is seen by others from here on.
#[inline(always)]
pub(super) fn now() -> u32 {
    // SAFETY: as for `tick`; the helper has no arguments. CPUs write the same tick, or ones that differ by
    // one.
    unsafe {
        let now = ptr::read_volatile(&raw const LIVE.clock).tick(bpf_jiffies64());
        if now != ptr::read_volatile(&raw const LIVE.tick) {
            ptr::write_volatile(&raw mut LIVE.tick, now);
        }
        now
    }
}

/// `value`, without the verifier knowing that it is the same.
#[inline(always)]
pub(super) fn forget(value: u32) -> u32 {
    // SAFETY: as for `tick`.
    value.wrapping_add(unsafe { ptr::read_volatile(&raw const LIVE.zero) })
}
