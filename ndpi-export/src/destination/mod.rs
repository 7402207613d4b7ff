//! Where records go.

mod file;
mod interface;
mod listener;
mod open;
mod other_end;
mod plain;
mod reopen;
mod rotated;
mod seldom;
mod stream;
mod whole;

pub(super) use file::{FileTarget, Rotation};
pub(super) use interface::{Next, Target, Unit};
pub(super) use listener::Listener;
pub(super) use open::check_file;
pub use plain::standard_output;
pub(super) use plain::{Plain, STANDARD_OUTPUT};
pub use reopen::Reopen;
pub(super) use reopen::Reopened;
pub(super) use seldom::Seldom;
pub(super) use stream::{Datagrams, StreamTarget};
pub(super) use whole::{WholeFiles, check_whole};
