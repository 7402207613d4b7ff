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
//! What it comes to is flat (`ndpi_policy::hand_over`), and believed by nobody: the session checks it, and makes its
//! index of it. Where the child dies, hangs or takes too much, the session has not looked at what is in the files, and
//! leaves the policy alone.

mod bounds;
mod child;
mod forker;
mod reader;
mod served;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use bounds::Bounds;
pub(crate) use reader::PolicyReader;
