//! The memory that an instance takes: that of all its processes.

use std::io;
use std::process;

use testkit::{family, memory};

/// Bytes that the processes which this one has started have in memory, and those that they have; what several
/// share counts once.
pub(crate) fn resident() -> io::Result<u64> {
    let family = family::of(process::id())?;
    // One that has ended meanwhile has none.
    Ok(family[1..].iter().filter_map(|process| memory::proportional(*process)).sum())
}
