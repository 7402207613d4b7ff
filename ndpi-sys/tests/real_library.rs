//! The load-time checks against a real nDPI 5.0.

use std::path::{Path, PathBuf};

use ndpi_sys::{LIBRARY_VARIABLE, Library, LoadError, SONAME, SUPPORTED_REVISION};

#[test]
fn a_real_library_passes_the_checks() {
    let system = Path::new(SONAME);
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/ndpi").join(system);
    let path = match std::env::var_os(LIBRARY_VARIABLE) {
        Some(named) if !named.is_empty() => PathBuf::from(named),
        _ if built.exists() => built,
        _ => system.to_owned(),
    };
    let library = match Library::load(Some(&path), false) {
        Err(LoadError::Open { .. }) if path == system => {
            let why = "there is no nDPI in target/ndpi or the system; `cargo xtask setup` gets it";
            assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "{why}");
            return eprintln!("skipped: {why}");
        }
        library => library.expect("nDPI 5.0 passes"),
    };
    // SAFETY: the function takes no arguments and returns a constant string.
    let revision = unsafe { std::ffi::CStr::from_ptr((library.functions().revision)()) };
    assert!(revision.to_str().unwrap().starts_with(SUPPORTED_REVISION), "{revision:?}");
    assert!(library.path().is_absolute(), "{}", library.path().display());
}
