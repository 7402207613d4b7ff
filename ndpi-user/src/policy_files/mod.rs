//! The files of policies: reading them within bounds of time, noticing that they change, and what may
//! be shown of them to whom.

mod private;
mod read;
mod watch;

pub use private::{for_caller_of_sudo, without_private_lines};
pub use read::{Named, PolicyFiles};
pub use watch::{Changed, WatchError, Watcher};
