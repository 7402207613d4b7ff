//! How an instance is at one moment, for all who show it: `status`, the metrics, `/readyz`.
//!
//! ```text
//! workers, sweeper, controller ─▶ Board ─┐
//! events ─▶ Conditions ─────────────────┼─▶ Observer ─▶ Snapshot ─▶ status · metrics · readiness
//! the kernel's maps ────────────────────┘
//! ```
//!
//! A snapshot is made of what lies ready: whoever asks for one waits for no thread that classifies. It is plain
//! values, so another process may ask for it, and keep the last one of a process that is gone.

mod board;
mod buckets;
mod conditions;
mod counted;
mod health;
mod loss_times;
mod model;
mod observer;
mod rates;
mod sums;
mod sweeps;
#[cfg(test)]
pub(crate) mod testing;
mod traffic;

pub use board::{Board, InForce, Place, Queue, Swept, WorkerShare};
pub use buckets::{Buckets, OF_PACKETS, OF_VERDICTS};
pub use conditions::Conditions;
pub(crate) use counted::counted;
pub use health::{PROBLEMS, is_known};
pub use model::{
    Counted, Fill, Hints, LastReload, LossSpan, LostSoFar, MemoryState, NdpiProcess, PolicyOrigin,
    PolicyState, Problem, Rates, RingLoss, SinkState, Snapshot, Sums, Traffic, Watched,
    WorkerState,
};
pub use observer::{Facts, Maps, Observer, Sources, subscribe};
pub use sweeps::Sweeps;
pub use traffic::{Class, Ledger, Volume, Volumes};
