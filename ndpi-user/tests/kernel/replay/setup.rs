//! Requirements of these tests, and running the program.

use ndpi::Library;
use ndpi_kernel::preflight;
use testkit::needs;
use testkit::program::{self, Run};

/// Whether programs can be loaded and nDPI is there. Where not, the test says why and skips; in CI,
/// which has all that is needed, that is a failure.
pub(crate) fn can_replay() -> bool {
    needs(preflight()).and_then(|_| needs(Library::load(None))).is_some()
}

/// Runs `ndpi-xdp replay` with `arguments`, and maps that are small and so quickly made.
pub(crate) fn replay(arguments: &[&str]) -> Run {
    program::subcommand("replay", &[&["--max-flows", "4096"], arguments].concat(), &[])
}
