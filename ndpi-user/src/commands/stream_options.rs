//! How TCP streams and QUIC connections are read, for every command that classifies.

use clap::{Args, ValueEnum};

/// How TCP streams and QUIC connections are read.
#[derive(Args, Clone, Copy, Debug)]
pub struct StreamOptions {
    /// Give nDPI what the receiver of a TCP stream or a QUIC connection reads: in order and once, nothing
    /// that it discards, and the first message whole. With `off`, packets as they come, which is nDPI by
    /// the book
    #[arg(long, value_name = "ON|OFF", value_enum, default_value_t = Switch::On)]
    normalise: Switch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl StreamOptions {
    /// Whether they are read as their receivers read them.
    pub(super) fn normalise(self) -> bool {
        self.normalise == Switch::On
    }
}
