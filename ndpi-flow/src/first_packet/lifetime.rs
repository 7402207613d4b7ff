//! Lifetimes of hints.

use std::time::Duration;

/// How long a server is remembered whose address no DNS answer gave: the client asked somewhere
/// else. Long enough for a browser's next attempts; no longer, since nobody says for how long the
/// address belongs to the name. nDPI keeps addresses from DNS as long (`lru.fpc_dns.ttl`).
pub const UNANNOUNCED: Duration = Duration::from_mins(1);

/// A DNS answer is believed for no longer, as resolvers do not either (RFC 8767, section 4, speaks
/// of days; `cache-max-ttl` of unbound is one).
pub const LONGEST: Duration = Duration::from_hours(24);

/// The time `after` from `now_ns` on, in nanoseconds since the Unix epoch, as `now_ns` is.
pub(super) fn later(now_ns: u64, after: Duration) -> u64 {
    now_ns.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX))
}
