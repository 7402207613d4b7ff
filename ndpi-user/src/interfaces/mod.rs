//! Interfaces that come and go: what is enforced where, while a session lasts.
//!
//! `watch` decides what to do about what is seen, and is plain code; [`Attacher`] looks, does it,
//! and says so; [`Roster`] is what others may know of it.

mod attacher;
mod event;
mod pattern;
mod roster;
mod watch;
mod wires;

pub use attacher::{Attacher, Plan};
pub use event::Event;
pub use pattern::Pattern;
pub use roster::Roster;
