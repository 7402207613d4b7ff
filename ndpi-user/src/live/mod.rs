//! The live pipeline: from the kernel's rings to verdicts in its maps.
//!
//! ```text
//! rings ─▶ worker: classifier ─▶ policy ─▶ verdict maps
//!          (one a core)  └▶ events ─▶ those who subscribe
//! verdict maps ─▶ sweeper ─▶ flows that are over ─▶ the worker that owns each
//! ```
//!
//! A worker owns its flows and its nDPI engine; the maps, the policy and the bus of events are shared. What it
//! decides goes through its sink (`worker_sink`) to the policy (`judge`), the maps ([`crate::enforce`]) and the
//! bus (`reporter`).
//!
//! The kernel puts each sample into a ring of the worker that owns the flow (`feed`). A worker that falls behind
//! leaves out what nDPI can do without (`backlog`), so that what completes a classification need not wait. Where
//! one takes no more, its rings fill, and the kernel counts what it could not show; the others go on. One that does
//! not go on is reported (`stuck`).

mod arrivals;
mod backlog;
mod census;
#[cfg(test)]
mod changes;
mod controller;
mod crowding;
mod egress;
mod feed;
mod halves;
mod initials;
mod interim;
mod judge;
mod lookout;
mod losses;
mod lost_records;
mod message;
mod outbox;
mod precedence;
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
pub use losses::{contended, full, losses_by_worker};
pub use message::Rejudged;
pub use session::{Ended, KernelParts, Plan, run};
pub use summary::Summary;
pub use suspects::Suspects;
pub use timing::{Durations, Histogram, TimeToVerdict};
pub use worker_sink::Shared;
