//! The vocabulary that the kernel side and the user side share.
//!
//! What lives in maps and rings is `repr(C)`, made of integers and byte arrays, without implicit
//! padding, and asserted at compile time beside its definition: these types cross the border
//! between the BPF programs, the maps that `bpftool` prints and the user-space program. The packet
//! parser in [`parse`] is shared too: the programs, the capture reader and the fuzzer run the same
//! code.
#![cfg_attr(not(test), no_std)]
#![expect(clippy::inline_always, reason = "the verifier wants few, shallow subprograms")]

mod clock;
mod disposition;
mod division;
mod entry_note;
mod flow_key;
mod flow_packet;
mod fragment;
mod key;
mod limit;
mod link_header;
mod live;
pub mod names;
pub mod parse;
mod pod;
pub mod reopen;
mod requests;
mod ring;
mod rule_name;
mod sample;
mod sequence;
mod server;
mod stats;
mod tenant;
mod tenant_key;
#[cfg(test)]
mod testing;
mod track;
mod undecided;
mod verdict;
mod watched;
mod weight;

pub use clock::{ClockReading, CoarseClock, TICK_NS, tick_of};
pub use disposition::Disposition;
pub use division::Division;
pub use entry_note::EntryNote;
#[cfg(feature = "user")]
pub use flow_key::Endpoint;
pub use flow_key::Key;
pub use flow_packet::FlowPacket;
pub use fragment::{FragmentKey, FragmentPorts, StrayBudget, is_put_together};
pub use key::{Direction, KeyV4, KeyV6};
pub use limit::{Bucket, BucketState, MAX_RATE, OWN_BUCKET};
pub use link_header::LinkHeader;
pub use live::{HOLD_TICKS, Live, MAX_SNAP, SILENCE_TICKS, Switches};
pub use pod::Pod;
pub use requests::RequestWatch;
pub use ring::{RingLoss, record_room};
pub use rule_name::{RuleKey, RuleName};
pub use sample::{SampleFlags, SampleHeader};
pub use sequence::{Known, SequenceNumbers, SideNumbers};
pub use server::{MAX_SERVERS, Server, ServerKey};
pub use stats::{Hook, Outcome, Reason, STATS_LEN, Stat, stats_index, stats_parts};
pub use tenant::{TenantIds, TenantKind};
pub use tenant_key::TenantKey;
pub use track::{Track, TrackNotes};
pub use undecided::{Backlog, WhenGone};
pub use verdict::{Action, FOLD_AT, State, Tally, Total, Treatment, VerdictEntry};
pub use watched::Watched;
pub use weight::Weight;

/// The version of everything that is pinned or shared between the kernel side and the user side.
///
/// It is raised whenever a map's key or value, the sample header or the meaning of a statistic
/// changes. A program that finds maps of another version does not use them.
pub const ABI_VERSION: u32 = 16;

/// The mark (`SO_MARK` in socket(7)) on packets that user space sends to the ends of a rejected
/// flow: they belong to the flow, and the program at egress lets them pass nevertheless.
///
/// Its bits are none of those that widely used software tests in marks and acts on: kube-proxy
/// (`0xc000`), Cilium (`0x0f00`), Tailscale (`0x00ff_0000`), Calico (`0xffff_0000`).
pub const REJECT_MARK: u32 = 0x30d1;
