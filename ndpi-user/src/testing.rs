//! What unit tests share.

use ndpi::Library;

/// nDPI, where there is one. A test that gets `None` has said why it was skipped; in CI, where nDPI
/// is always there, it fails instead.
pub(crate) fn library() -> Option<Library> {
    match Library::load(None) {
        Ok(library) => Some(library),
        Err(error) if std::env::var_os("CI").is_some() => {
            panic!("nDPI must be there in CI: {error}")
        }
        Err(error) => {
            eprintln!("skipped: {error}; `cargo xtask setup` provides nDPI");
            None
        }
    }
}
