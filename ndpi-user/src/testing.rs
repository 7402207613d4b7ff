//! What unit tests share.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ndpi::Library;

/// nDPI, where there is one. A test that gets `None` has said why it was skipped; in CI, where nDPI
/// is always there, it fails instead.
pub(crate) fn library() -> Option<Library> {
    match Library::load(None) {
        Ok(library) => Some(library),
        Err(error) if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) => {
            panic!("nDPI must be there in CI: {error}")
        }
        Err(error) => {
            eprintln!("skipped: {error}; `cargo xtask setup` provides nDPI");
            None
        }
    }
}

/// What was written, to be looked at by somebody else than the writer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
