//! What unit tests share.

use ndpi::Library;
use testkit::needs;

/// nDPI, where there is one. A test that gets `None` has said why it was skipped; in CI, where nDPI
/// is always there, it fails instead.
pub(crate) fn library() -> Option<Library> {
    needs(Library::load(None))
}
