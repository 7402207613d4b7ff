//! Names of the programs, maps and settings in the object and on the BPF file system.

/// The programs in the object.
pub mod program {
    /// The program for XDP, at ingress.
    pub const XDP: &str = "ndpi_xdp";
    /// The program for TC, at egress.
    pub const TC: &str = "ndpi_tc";
    /// The program for TC at ingress, behind generic XDP.
    pub const INGRESS: &str = "ndpi_ingress";
    /// The program for XDP on interfaces without a link header.
    pub const XDP_L3: &str = "ndpi_xdp_l3";
    /// The program for TC on interfaces without a link header.
    pub const TC_L3: &str = "ndpi_tc_l3";
    /// The program that reads the kernel's clocks: it writes a [`crate::ClockReading`] into the packet
    /// that it is run on.
    pub const CLOCK: &str = "ndpi_clock";
    /// The program at the tracepoint that tells of frames which could not be redirected.
    pub const LOST: &str = "ndpi_lost";
}

/// The maps, pinned under these names.
pub mod map {
    /// Hash: [`crate::KeyV4`] → [`crate::VerdictEntry`].
    pub const VERDICTS_V4: &str = "VERDICTS_V4";
    /// Hash: [`crate::KeyV6`] → [`crate::VerdictEntry`].
    pub const VERDICTS_V6: &str = "VERDICTS_V6";
    /// LRU hash: [`crate::KeyV4`] → [`crate::Track`].
    pub const TRACK_V4: &str = "TRACK_V4";
    /// LRU hash: [`crate::KeyV6`] → [`crate::Track`].
    pub const TRACK_V6: &str = "TRACK_V6";
    /// LRU hash: [`crate::KeyV4`] → [`crate::Track`], of flows that nobody has answered.
    pub const UNANSWERED_V4: &str = "UNANSWERED_V4";
    /// LRU hash: [`crate::KeyV6`] → [`crate::Track`], of flows that nobody has answered.
    pub const UNANSWERED_V6: &str = "UNANSWERED_V6";
    /// Hash: [`crate::TenantKey`] → [`crate::VerdictEntry`].
    pub const VERDICTS_TENANT: &str = "VERDICTS_TENANT";
    /// LRU hash: [`crate::TenantKey`] → [`crate::Track`].
    pub const TRACK_TENANT: &str = "TRACK_TENANT";
    /// LRU hash: [`crate::TenantKey`] → [`crate::Track`], of flows that nobody has answered. (The kernel cuts
    /// names at 15 bytes.)
    pub const UNANSWERED_TENANT: &str = "UNANSWERED_TENANT";
    /// Array of maps: worker → ring buffer of samples ([`crate::SampleHeader`] and bytes); behind those of all
    /// workers, in the same order, the rings of what is urgent ([`crate::SampleFlags::is_urgent`]).
    pub const RINGS: &str = "RINGS";
    /// Per-CPU array: place in [`RINGS`] → [`crate::RingLoss`].
    pub const RING_LOSSES: &str = "RING_LOSSES";
    /// LRU hash: [`crate::FragmentKey`] → [`crate::FragmentPorts`].
    pub const FRAGMENTS: &str = "FRAGMENTS";
    /// Per-CPU array: [`crate::stats_index`] → [`crate::Stat`].
    pub const STATS: &str = "STATS";
    /// Hash: a number (`u32`) that verdicts carry → [`crate::Bucket`].
    pub const LIMITS: &str = "LIMITS";
    /// Hash: a number (`u32`) that verdicts carry → [`crate::RequestWatch`].
    pub const REQUESTS: &str = "REQUESTS";
    /// Hash: [`crate::ServerKey`] → [`crate::Server`].
    pub const SERVERS: &str = "SERVERS";
    /// Hash: [`crate::RuleKey`] → [`crate::RuleName`], of every policy by which a verdict was made that
    /// stands. The programs do not read it.
    pub const RULES: &str = "RULES";
    /// Devmap by hash: interface index → interface index of its peer.
    pub const PEERS: &str = "PEERS";
    /// Hash: index (`u32`) of an interface whose ingress is seen at XDP → where its frames go, see
    /// [`crate::Watched`]. A packet that came in there is not counted again where it goes out.
    pub const INTERFACES: &str = "INTERFACES";
    /// The programs' writable data: an array with one [`crate::Live`]. (The loader's name for the
    /// ELF section; pinned as `LIVE`.)
    pub const LIVE: &str = ".bss";
    /// The name under which [`LIVE`] is pinned.
    pub const LIVE_PIN: &str = "LIVE";

    /// Hash: the kernel's number (`u32`) of the map [`PEERS`] → frames (`u64`) that could not be
    /// redirected by it; 0 → those of generic XDP.
    pub const LOST: &str = "LOST";

    /// LPM trie: a network, IPv4 as IPv4-mapped IPv6 (RFC 4291, section 2.5.5.2) → nothing of meaning: both
    /// ends of a tunnel that is opened are in one. Filled before anything is attached, and not pinned.
    pub const TUNNEL_ENDS: &str = "TUNNEL_ENDS";

    /// Per-CPU array: a sender, see [`crate::FragmentKey::sender`], and behind them all → [`crate::StrayBudget`]. Not
    /// pinned: it says nothing but what was shown a moment ago.
    pub const STRAYS: &str = "STRAYS";

    /// Every map that the programs define under its own name.
    pub const PINNED: [&str; 20] = [
        VERDICTS_V4,
        VERDICTS_V6,
        TRACK_V4,
        TRACK_V6,
        UNANSWERED_V4,
        UNANSWERED_V6,
        VERDICTS_TENANT,
        TRACK_TENANT,
        UNANSWERED_TENANT,
        RINGS,
        RING_LOSSES,
        FRAGMENTS,
        STATS,
        LIMITS,
        REQUESTS,
        SERVERS,
        RULES,
        PEERS,
        INTERFACES,
        LOST,
    ];
}

/// Settings that are fixed when the programs are loaded.
pub mod global {
    /// `u32`: [`crate::ABI_VERSION`] of the object; read it, do not set it.
    pub const ABI: &str = "ABI";
    /// `u32`: packets of an undecided flow that are shown at most.
    pub const BUDGET: &str = "BUDGET";
    /// `u32`: bytes of a packet that are shown at most, from the IP header on; at most
    /// [`crate::MAX_SNAP`].
    pub const SNAP: &str = "SNAP";
    /// `u32`: bits of [`crate::Switches`] that are not in [`crate::Switches::LIVE`].
    pub const SWITCHES: &str = "SWITCHES";
    /// `u32`: ticks without a packet after which a flow of the same key is a new one.
    pub const IDLE_TICKS: &str = "IDLE_TICKS";
    /// `u32`: workers, of which each has two entries of `RINGS`, see [`crate::Division::parts`].
    pub const WORKERS: &str = "WORKERS";
    /// `u64`: see [`crate::Division::seed`].
    pub const DIVISION_SEED: &str = "DIVISION_SEED";
}
