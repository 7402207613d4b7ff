//! The programs' maps, as typed handles that are cheap to clone and usable from several threads.

pub(super) mod hash;
mod limits;
mod lost;
mod numbered;
mod peers;
mod requests;
mod ring_losses;
mod rules;
mod runtime_config;
mod servers;
mod stats;
mod tracks;
mod verdict_table;
mod verdicts;

pub use hash::MapError;
pub use limits::Limits;
pub use lost::LostFrames;
pub(super) use peers::Peers;
pub use requests::RequestWatches;
pub use ring_losses::{LossOfRing, RingLosses};
pub use rules::RuleNames;
pub use runtime_config::RuntimeConfig;
pub use servers::ServerMap;
pub use stats::{Statistics, Stats};
pub use tracks::TrackMaps;
pub use verdict_table::Written;
pub use verdicts::VerdictMaps;
