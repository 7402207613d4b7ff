//! Standard output.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result};

use super::interface::{Next, Target, is_closed};

/// What it is called.
pub(crate) const STANDARD_OUTPUT: &str = "standard output";

/// Standard output without a buffer of its own, so that what was written is known.
///
/// # Errors
///
/// This process has none.
pub fn standard_output() -> Result<File> {
    let output = io::stdout().as_fd().try_clone_to_owned();
    Ok(output.context("cannot write to standard output")?.into())
}

/// A stream that was opened by somebody else, and cannot be opened again.
pub(crate) struct Plain<W> {
    name: &'static str,
    stream: W,
    begun: bool,
}

impl<W> Plain<W> {
    pub(crate) fn new(name: &'static str, stream: W) -> Self {
        Self { name, stream, begun: false }
    }
}

impl<W: Write + Send> Target for Plain<W> {
    fn name(&self) -> String {
        self.name.into()
    }

    fn ready(&mut self) -> io::Result<bool> {
        Ok(!std::mem::replace(&mut self.begun, true))
    }

    fn write(&mut self, bytes: &[u8], _records: usize) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn after(&mut self, error: &io::Error) -> Next {
        if is_closed(error) { Next::Nothing } else { Next::Rest }
    }
}
