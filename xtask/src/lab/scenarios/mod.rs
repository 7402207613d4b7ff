//! Scenarios of what policies do: on the same network, with a policy and expectations of its
//! own.
//!
//! Each scenario first shows that all it is going to block is answered without a policy, and has a
//! witness beside `ndpi-xdp`'s own records: what the clients got, and what the ends of the network
//! counted.

mod allow_list;
mod changing;
mod clock;
mod first_packet;
mod host;
mod limit;
mod meter;
mod odd;
mod reject;
mod reload;
mod scenario;
mod schedule;
mod traffic;

pub(super) use scenario::Scenario;

/// All scenarios, in the order they are carried out.
pub(super) const ALL: [Scenario; 8] = [
    host::SCENARIO,
    allow_list::SCENARIO,
    reject::SCENARIO,
    schedule::SCENARIO,
    reload::SCENARIO,
    limit::SCENARIO,
    odd::SCENARIO,
    first_packet::SCENARIO,
];

/// The names of servers that the scenarios use.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().flat_map(|scenario| (scenario.names)())
}
