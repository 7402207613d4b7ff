//! The load-time checks against a real nDPI 5.0.

use std::path::{Path, PathBuf};

use ndpi_sys::{LIBRARY_VARIABLE, Library, SONAME, SUPPORTED_REVISION};

/// The library to test with; `None`, with a word on why, where there is none, which is a failure
/// in CI.
fn library() -> Option<PathBuf> {
    let named = std::env::var_os(LIBRARY_VARIABLE).map(PathBuf::from);
    let path = named.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/ndpi").join(SONAME)
    });
    if path.exists() {
        return Some(path);
    }
    let why = format!("there is no nDPI at {}; `cargo xtask setup` gets it", path.display());
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "{why}");
    eprintln!("skipped: {why}");
    None
}

#[test]
fn a_real_library_passes_the_checks() {
    let Some(path) = library() else { return };
    let library = Library::open(&path, false).expect("nDPI 5.0 passes");
    // SAFETY: the function takes no arguments and returns a constant string.
    let revision = unsafe { std::ffi::CStr::from_ptr((library.functions().revision)()) };
    assert!(revision.to_str().unwrap().starts_with(SUPPORTED_REVISION), "{revision:?}");
}
