//! The commands, one file each: arguments, and a `run` that calls the parts of the library.

mod ndpi_options;
mod pcap;

pub use ndpi_options::{NdpiOptions, Setting};
pub use pcap::PcapArguments;

/// What every command is given.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// How much is said on standard error; the kernel side's own log level follows it.
    pub log_level: log::LevelFilter,
}
