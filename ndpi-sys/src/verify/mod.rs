//! The load-time checks: is this nDPI 5.0, and is it laid out as written down here?

mod answers;
mod peek;
mod raw_call;

use std::ffi::{CStr, c_char};
use std::mem::size_of;
use std::path::Path;

use libloading::os::unix::Library as Handle;

use crate::types::Protocol;
use crate::{Functions, LoadError, SUPPORTED_REVISION, flow};

/// Asks a library for its revision, which must be a supported one. Nothing else is called, and the
/// function has had the same signature in all releases.
pub(crate) fn revision(handle: &Handle, path: &Path) -> Result<String, LoadError> {
    const SYMBOL: &str = "ndpi_revision";
    // SAFETY: a function of this name returns a constant string in every release of nDPI.
    let function = unsafe { handle.get::<unsafe extern "C" fn() -> *const c_char>(SYMBOL) }
        .map_err(|_| LoadError::Symbol { path: path.to_owned(), revision: None, symbol: SYMBOL })?;
    // SAFETY: see above; it takes no arguments and changes nothing.
    let text = unsafe { function() };
    let found = if text.is_null() {
        String::from("of no revision")
    } else {
        // SAFETY: not null, so a C string with static lifetime; it is copied at once.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    };
    if found.starts_with(SUPPORTED_REVISION) {
        Ok(found)
    } else {
        Err(LoadError::Revision { path: path.to_owned(), found })
    }
}

/// Compares sizes, then lets known packets be dissected.
pub(crate) fn behaviour(
    functions: &Functions,
    path: &Path,
    revision: &str,
) -> Result<(), LoadError> {
    // SAFETY: it takes no arguments and returns a constant.
    let found = unsafe { (functions.detection_get_sizeof_ndpi_flow_struct)() };
    if usize::try_from(found) != Ok(flow::SIZE) {
        return Err(LoadError::FlowSize {
            path: path.to_owned(),
            revision: revision.to_owned(),
            found,
            expected: u32::try_from(flow::SIZE).unwrap_or(u32::MAX),
        });
    }
    answers::check(functions).map_err(|failure| match failure {
        answers::Failure::ResultSize(found) => LoadError::ResultSize {
            path: path.to_owned(),
            revision: revision.to_owned(),
            found,
            expected: size_of::<Protocol>(),
        },
        answers::Failure::Answer(what) => {
            LoadError::SelfTest { path: path.to_owned(), revision: revision.to_owned(), what }
        }
    })
}
