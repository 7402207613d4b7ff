//! Policies read in a process that can do no harm: one without rights and files, made for each reading and gone after it.
//!
//! ```text
//! session                     ndpi-policies         its child
//! gives the other end   ───▶  forks a child,  ───▶  reads the policy
//! of a socket, and            says how it           as it would anywhere,
//! files that are              ended                 confined
//! asked for by that                                     │
//!      ▲                                                │
//!      └── which file? ──── what it comes to ───────────┘
//! ```
//!
//! `ndpi-policies` has a spare (`ndpi-pol-spare`), as nDPI's keeper has (`apart::Spare`): where it is ended, its child is
//! as well, the spare takes what the session asks next, and that is the same once more.
//!
//! What it comes to is flat (`ndpi_policy::hand_over`), and believed by nobody: the session checks it, and makes its
//! index of it. Where the child dies, hangs or takes too much, the session has not looked at what is in the files, and
//! leaves the policy alone.

mod bounds;
mod child;
mod end;
mod forker;
mod post;
mod reader;
mod served;
#[cfg(test)]
mod tests;
mod watch;
mod wire;

pub(crate) use bounds::Bounds;
pub(crate) use post::Processes;
pub(crate) use reader::PolicyReader;
