#![doc = include_str!("../README.md")]

mod bus;
mod envelope;
mod event;
mod flow;
mod losses;
mod mac;
mod release;
mod reload;
mod rest;
mod source;
mod status;
mod subscriber;
#[cfg(test)]
mod tests;
mod time;
mod warning;

pub use bus::{Bus, BusBuilder, Ender, Subscription};
pub use envelope::{Envelope, SCHEMA, SourceId};
pub use event::{Event, Kind, Kinds};
pub use flow::{
    Content, Crossed, Decided, Ends, FlowActive, FlowEnded, FlowUpdated, Label, Tunnel,
};
pub use losses::Losses;
pub use mac::Mac;
pub use release::{Release, ReleaseChange, Released};
pub use reload::{Offered, ReloadResult, Reloaded};
pub use source::Source;
pub use status::{
    Attached, Crowding, Directions, EgressOrder, Interface, Load, Ring, RingFull, Running, Status,
    Stopped, StuckWorker, Times,
};
pub use time::Time;
pub use warning::Warning;

/// A word of the vocabulary that docs/records.md lists. A version that comes later may have others, which
/// are passed on as they are.
pub type Word = std::borrow::Cow<'static, str>;

/// Whether a count is left out of what is written.
fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}
