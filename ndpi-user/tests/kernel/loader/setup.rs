//! Requirements of tests of the kernel side, and skipping tests without them.

use std::path::{Path, PathBuf};

use ndpi_kernel::{Kernel, LoadOptions, preflight};
use testkit::{namespace, needs};

/// Whether programs can be loaded here. Where not, the test says why and skips; in CI, which has
/// all that is needed, that is a failure.
pub(crate) fn can_load() -> bool {
    needs(preflight()).is_some()
}

/// Small maps and a pin directory that no other test uses.
pub(crate) fn options() -> LoadOptions {
    LoadOptions {
        verdicts: 64,
        tracks: 1024,
        ring_bytes: 1 << 16,
        pin_directory: Some(pin_directory()),
        ..LoadOptions::default()
    }
}

/// A pin directory that no other test uses.
pub(crate) fn pin_directory() -> PathBuf {
    Path::new("/sys/fs/bpf").join(namespace::unique("pins"))
}

/// The programs, loaded with [`options`].
pub(crate) fn load() -> Kernel {
    Kernel::load(&options()).unwrap_or_else(|error| panic!("{:#}", anyhow::Error::new(error)))
}
