//! What these tests need, and how they are left out where that is missing.

use ndpi_kernel::preflight;

use crate::program::{Run, ndpi_is_there, run};

/// Whether programs can be loaded and nDPI is there. Where not, the test says why and skips; in CI,
/// which has all that is needed, that is a failure.
pub(crate) fn can_replay() -> bool {
    let Err(error) = preflight() else { return ndpi_is_there() };
    assert!(
        std::env::var_os("CI").is_none_or(|value| value.is_empty()),
        "cannot load programs in CI: {error}"
    );
    eprintln!("skipped: {error}");
    false
}

/// Runs `ndpi-xdp replay` with `arguments`, and maps that are small and so quickly made.
pub(crate) fn replay(arguments: &[&str]) -> Run {
    run("replay", &[&["--max-flows", "4096"], arguments].concat(), &[])
}
