//! Logs on standard error, one line each.

use std::io::Write;

use log::{Level, LevelFilter};

/// An error that keeps coming back: told the first time, then now and again, with how often it was.
#[derive(Debug, Default)]
pub(crate) struct Recurring(u64);

impl Recurring {
    pub(crate) fn warn(&mut self, error: &anyhow::Error) {
        self.0 += 1;
        if self.0.is_power_of_two() {
            log::warn!("{error:#} ({} times so far)", self.0);
        }
    }
}

/// Starts logging at `level`; `RUST_LOG` refines it. A second call changes nothing.
pub(crate) fn init(level: LevelFilter) {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(level).parse_default_env().format(|out, record| {
        match record.level() {
            Level::Error => write!(out, "error: ")?,
            Level::Warn => write!(out, "warning: ")?,
            Level::Info => {}
            Level::Debug | Level::Trace => write!(out, "{}: ", record.target())?,
        }
        writeln!(out, "{}", record.args())
    });
    // Only tests start it twice, and there the first one stands.
    let _ = builder.try_init();
}
