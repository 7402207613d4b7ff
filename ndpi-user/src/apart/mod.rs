//! nDPI in a process of its own, which has memory to share with this one and nothing else: no map, no program, no
//! link, no file, no socket, another user where this one is root, and no rights.
//!
//! ```text
//! ndpi-xdp run            keeper                worker
//! rings, flows, policy    engines as they       nDPI: a thread for each
//! maps, records           were loaded;          of the classifier's
//!      │                  forks a worker,            │
//!      │                  and another when           │
//!      │                  one has died               │
//!      └── questions: packets ──── shared memory ────┤
//!      ◀── answers: what nDPI says ──────────────────┘
//! ```
//!
//! The seam is [`ndpi_flow::Detector`]: a packet goes over, and what nDPI says of its flow comes back, so that what
//! a packet makes of nDPI's C code can lie about flows and no more. What it says is checked as anything else that
//! comes from outside.
//!
//! The keeper is forked before there are threads and before anything is open, with engines that have read their
//! lists. It never sees a packet. A worker is a copy of it as it was then, made in a moment. Where one dies, the
//! classifier's threads wait for the next one with the questions that they had (`desk`). That of which nDPI died is not
//! asked again: its flow is set aside (`set_aside`). The keeper has a copy of itself that waits to take its place
//! (`spare`), and makes another where that is gone.

mod answer;
mod batch;
mod client;
mod coded;
mod crash_folder;
mod deaths;
mod desk;
mod engines;
mod evidence;
mod exchange;
mod gauge;
mod haste;
mod keeper;
mod keeping;
mod leaving;
mod memory;
mod patience;
mod post;
mod question;
mod remote;
mod restarts;
mod said;
mod server;
mod set_aside;
mod spare;
#[cfg(test)]
mod tests;
mod tie;
mod watch;
mod worker;

pub(crate) use crash_folder::CrashFolder;
pub(crate) use engines::Engines;
pub(crate) use gauge::Gauge;
pub(crate) use keeper::Keeper;
pub(crate) use leaving::{end, kept, leave_session};
pub(crate) use remote::RemoteEngine;
pub use said::worker_said;
pub(crate) use spare::{Role, Spare, Waiting};
pub(crate) use watch::{Watch, how};
