//! Files that somebody else names and writes, read within bounds: nothing here waits for ever, whatever
//! a path leads to, and what is half written is not taken for whole.

mod look;
mod onlooker;
mod read;
mod settled;
mod within;

pub use look::Look;
pub use onlooker::Onlooker;
pub use read::{check_regular, read_bytes};
pub use settled::{QUIET, read_settled};
pub use within::within;
