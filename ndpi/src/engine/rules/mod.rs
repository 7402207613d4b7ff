//! Rules of one's own: custom protocols and categories, lists of bad things, exceptions.

mod files;
mod values;

use std::ffi::{CString, c_char, c_int};

use ndpi_sys::module_lock;

/// Calls a loading function with a string that may be written to: nDPI cuts some of its arguments
/// up in place. Never two at once: nDPI promises that for packets only, and the functions of the C
/// library that read files and resolve names do not all promise it either.
fn call(text: CString, load: impl FnOnce(*mut c_char) -> c_int) -> c_int {
    let mut bytes = text.into_bytes_with_nul();
    let _lock = module_lock();
    load(bytes.as_mut_ptr().cast())
}
