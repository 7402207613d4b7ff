//! What a test of the kernel side needs, and how it is left out where that is missing.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use ndpi_kernel::{Kernel, LoadOptions, preflight};

/// Whether programs can be loaded here. Where not, the test says why and skips; in CI, which has
/// all that is needed, that is a failure.
pub(crate) fn can_load() -> bool {
    let Err(error) = preflight() else { return true };
    assert!(
        std::env::var_os("CI").is_none_or(|value| value.is_empty()),
        "cannot load programs in CI: {error}"
    );
    eprintln!("skipped: {error}");
    false
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
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("/sys/fs/bpf/ndpi-test-{}-{number}", std::process::id()).into()
}

/// The programs, loaded with [`options`].
pub(crate) fn load() -> Kernel {
    Kernel::load(&options()).unwrap_or_else(|error| panic!("{:#}", anyhow::Error::new(error)))
}
