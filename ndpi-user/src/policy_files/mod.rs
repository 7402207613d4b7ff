//! The files of policies: reading them within bounds of time, noticing that they change, and what may
//! be shown of them to whom.

mod given;
mod private;
mod problems;
mod read;
mod watch;

pub(crate) use given::GivenPolicy;
pub use private::{for_caller_of_sudo, without_private_lines};
pub(crate) use problems::{say_warnings, unusable};
pub use read::{Named, PolicyFiles};
pub use watch::{Changed, WatchError, Watcher};
