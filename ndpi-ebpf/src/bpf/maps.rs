//! The maps. Sizes given here are defaults; the loader sets others before it creates them.

use aya_ebpf::bindings::BPF_F_NO_PREALLOC;
use aya_ebpf::btf_maps::{
    ArrayOfMaps, DevMapHash, HashMap, LpmTrie, LruHashMap, PerCpuArray, RingBuf,
};
use aya_ebpf::macros::btf_map;
use ndpi_common::parse::Packet;
use ndpi_common::{
    Bucket, FlowPacket, FragmentKey, FragmentPorts, Hook, KeyV4, KeyV6, MAX_SERVERS, RequestWatch,
    RingLoss, RuleKey, RuleName, STATS_LEN, SampleHeader, Server, ServerKey, Stat, StrayBudget,
    TenantKey, Track, VerdictEntry,
};

/// Decided IPv4 flows.
#[btf_map]
pub(super) static VERDICTS_V4: HashMap<KeyV4, VerdictEntry, 262_144> = HashMap::new();
/// Decided IPv6 flows.
#[btf_map]
pub(super) static VERDICTS_V6: HashMap<KeyV6, VerdictEntry, 131_072> = HashMap::new();
/// Undecided IPv4 flows whose client was answered.
#[btf_map]
pub(super) static TRACK_V4: LruHashMap<KeyV4, Track, 98_304> = LruHashMap::new();
/// Undecided IPv6 flows whose client was answered.
#[btf_map]
pub(super) static TRACK_V6: LruHashMap<KeyV6, Track, 49_152> = LruHashMap::new();
/// Undecided IPv4 flows that nobody has answered: a flood of them displaces nothing else.
#[btf_map]
pub(super) static UNANSWERED_V4: LruHashMap<KeyV4, Track, 32_768> = LruHashMap::new();
/// Undecided IPv6 flows that nobody has answered.
#[btf_map]
pub(super) static UNANSWERED_V6: LruHashMap<KeyV6, Track, 16_384> = LruHashMap::new();
/// Decided flows of tenants.
#[btf_map]
pub(super) static VERDICTS_TENANT: HashMap<TenantKey, VerdictEntry, 131_072> = HashMap::new();
/// Undecided flows of tenants whose client was answered.
#[btf_map]
pub(super) static TRACK_TENANT: LruHashMap<TenantKey, Track, 49_152> = LruHashMap::new();
/// Undecided flows of tenants that nobody has answered.
#[btf_map]
pub(super) static UNANSWERED_TENANT: LruHashMap<TenantKey, Track, 16_384> = LruHashMap::new();
/// Two rings for each worker, see `show`; the loader makes them and puts them in.
#[btf_map]
pub(super) static RINGS: ArrayOfMaps<Ring, 1024> = ArrayOfMaps::new();
/// What was lost of each of these.
#[btf_map]
pub(super) static RING_LOSSES: PerCpuArray<RingLoss, 1024> = PerCpuArray::new();
/// What first fragments taught.
#[btf_map]
pub(super) static FRAGMENTS: LruHashMap<FragmentKey, FragmentPorts, 16_384> = LruHashMap::new();
/// How many fragments were shown whose first was not seen.
#[btf_map]
pub(super) static STRAYS: PerCpuArray<StrayBudget, { StrayBudget::ENTRIES as usize }> =
    PerCpuArray::new();
/// Packets and bytes by hook, outcome and reason.
#[btf_map]
pub(super) static STATS: PerCpuArray<Stat, { STATS_LEN as usize }> = PerCpuArray::new();
/// Token buckets, by the number that verdicts carry. Most policies limit little: memory is taken for
/// those that are there.
#[btf_map]
pub(super) static LIMITS: HashMap<u32, Bucket, 65_536, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
/// Which segments of decided flows are shown, by the number that verdicts carry. Memory is taken for those
/// that there are.
#[btf_map]
pub(super) static REQUESTS: HashMap<u32, RequestWatch, 65_536, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
/// Servers whose flows are dropped before they have a verdict. Few policies have any: memory is
/// only taken for those that there are.
#[btf_map]
pub(super) static SERVERS: HashMap<
    ServerKey,
    Server,
    { MAX_SERVERS as usize },
    { BPF_F_NO_PREALLOC as usize },
> = HashMap::new();
/// Names of rules, which user space writes and reads: they are pinned with what refers to them. Memory
/// is taken for those that there are.
#[btf_map]
pub(super) static RULES: HashMap<RuleKey, RuleName, 65_536, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
/// Where frames go that pass on an interface with a peer.
#[btf_map]
pub(super) static PEERS: DevMapHash<64> = DevMapHash::new();
/// Frames that could not be redirected, by the map that told where to; user space puts [`PEERS`] in,
/// and 0 for those that [`INTERFACES`] told the way.
#[btf_map]
pub(super) static LOST: HashMap<u32, u64, 2> = HashMap::new();
/// Interfaces whose ingress is seen at XDP, and where their frames go: [`ndpi_common::Watched`].
#[btf_map]
pub(super) static INTERFACES: HashMap<u32, u32, 256> = HashMap::new();

/// Networks between whose hosts tunnels are opened, where the loader was given some.
#[btf_map]
pub(super) static TUNNEL_ENDS: LpmTrie<[u8; 16], u32, 1024> = LpmTrie::new();

/// Parsed packets of any form and more, see [`Scratch`]: the stack has no room for them.
#[btf_map]
pub(super) static SCRATCH: PerCpuArray<[u64; SCRATCH_WORDS], 16> = PerCpuArray::new();

/// What the entries of [`SCRATCH`] are for; there is one of each kind for each hook.
#[derive(Clone, Copy)]
pub(super) enum Scratch {
    /// The packet.
    Packet = 0,
    /// The packet that it quotes.
    Quoted = 2,
    /// A track that moves.
    Track = 4,
    /// The packet inside a tunnel.
    Inner = 6,
    /// What the decision needs to know of it.
    Flow = 8,
    /// The header of its sample.
    Sample = 10,
    /// The key of its flow, where that is a tenant's.
    Tenant = 12,
    /// Where an IP header was found.
    Link = 14,
}

impl Scratch {
    /// The entry of this kind for programs of `hook`.
    #[inline(always)]
    pub(super) const fn of(self, hook: Hook) -> u32 {
        self as u32 + hook as u32
    }
}

/// As many as the largest of what is kept there takes.
pub(super) const SCRATCH_WORDS: usize = size_of::<SampleHeader>().div_ceil(8);
const _: () = {
    assert!(size_of::<Packet>() <= SCRATCH_WORDS * 8);
    assert!(size_of::<FlowPacket<TenantKey>>() <= SCRATCH_WORDS * 8);
    assert!(size_of::<Track>() <= SCRATCH_WORDS * 8);
    assert!(size_of::<SampleHeader>() <= SCRATCH_WORDS * 8);
};

/// Samples for one worker.
pub(super) type Ring = RingBuf<SampleHeader, 262_144>;
