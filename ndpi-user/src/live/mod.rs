//! The live pipeline: from the kernel's rings to verdicts in its maps.
//!
//! ```text
//! rings ─▶ reader ─▶ batches by flow ─▶ worker: classifier ─▶ policy ─▶ verdict maps
//!          (one)                        (one a core)    └▶ events ─▶ those who subscribe
//! verdict maps ─▶ sweeper ─▶ flows that are over ─▶ the worker that owns each
//! ```
//!
//! A worker owns its flows and its nDPI engine; the maps, the policy and the bus of events are shared. What it
//! decides goes through its sink (`worker_sink`) to the policy (`judge`), the maps ([`crate::enforce`]) and the
//! bus (`reporter`).
//!
//! Where a worker falls behind, the reader leaves out what nDPI can do without (`backlog`), so that what
//! completes a classification need not wait. One that takes no more makes the reader wait for a moment; what it
//! does not take then is lost, with a count (`lane`), so that the others go on. Only where it is alone, the
//! rings fill, and the kernel counts what it could not show. One that does not go on is reported (`stuck`).

mod arrivals;
mod backlog;
mod census;
#[cfg(test)]
mod changes;
mod controller;
mod crowding;
mod egress;
mod halves;
mod interim;
mod judge;
mod lane;
mod lookout;
mod losses;
mod message;
mod outbox;
mod precedence;
mod reader;
mod reporter;
mod session;
mod strain;
mod stuck;
mod summary;
mod suspects;
mod timing;
mod worker;
mod worker_sink;

pub use controller::Control;
pub use crowding::Crowding;
pub use halves::Halves;
pub use losses::losses_by_cpu;
pub use message::Rejudged;
pub use session::{Ended, KernelParts, Plan, run};
pub use summary::Summary;
pub use suspects::Suspects;
pub use timing::{Durations, Histogram, TimeToVerdict};
pub use worker_sink::Shared;
