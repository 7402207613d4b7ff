//! The load-time checks against a real nDPI 5.0.

use std::path::Path;

use ndpi_sys::{Library, LoadError, SONAME, SUPPORTED_REVISION};
use testkit::{places, skip};

#[test]
fn a_real_library_passes_the_checks() {
    let built = places::ndpi_library();
    let path = if built.exists() { built } else { SONAME.into() };
    let library = match Library::load(Some(&path), false) {
        Err(LoadError::Open { .. }) if path == Path::new(SONAME) => {
            return skip("there is no nDPI in target/ndpi or the system: cargo xtask setup");
        }
        library => library.expect("nDPI 5.0 passes"),
    };
    // SAFETY: the function takes no arguments and returns a constant string.
    let revision = unsafe { std::ffi::CStr::from_ptr((library.functions().revision)()) };
    assert!(revision.to_str().unwrap().starts_with(SUPPORTED_REVISION), "{revision:?}");
    assert!(library.path().is_absolute(), "{}", library.path().display());
}
