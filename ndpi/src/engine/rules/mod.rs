//! Rules of one's own: custom protocols and categories, lists of bad things, exceptions.

mod files;
mod values;

use std::ffi::{CString, c_char, c_int};

/// Calls with a string that may be written to: nDPI cuts some of its arguments up in place.
fn with_writable(text: CString, call: impl FnOnce(*mut c_char) -> c_int) -> c_int {
    let mut bytes = text.into_bytes_with_nul();
    call(bytes.as_mut_ptr().cast())
}
