//! C strings in and out.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};

/// A C string as it is, with replacement characters where it is not UTF-8; `None` where it is null
/// or empty.
///
/// # Safety
///
/// `text` is null, or NUL-terminated and unchanged for all of `'a`.
pub(crate) unsafe fn borrowed<'a>(text: *const c_char) -> Option<Cow<'a, str>> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and so the caller's promise.
    let bytes = unsafe { CStr::from_ptr(text) };
    if bytes.is_empty() { None } else { Some(bytes.to_string_lossy()) }
}

/// A copy of a C string; empty where it is null.
///
/// # Safety
///
/// `text` is null, or NUL-terminated.
pub(crate) unsafe fn owned(text: *const c_char) -> String {
    // SAFETY: the caller's promise; the borrow ends with this call.
    unsafe { borrowed(text) }.map(Cow::into_owned).unwrap_or_default()
}

/// The text in a fixed array of the library's: up to the first NUL, or to its end.
pub(crate) fn in_array(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    if end == 0 { None } else { Some(String::from_utf8_lossy(&bytes[..end])) }
}

/// What a function writes into a buffer of `SIZE` bytes.
///
/// # Safety
///
/// `write` writes a NUL-terminated string within the bytes it is given, or nothing.
pub(crate) unsafe fn written<const SIZE: usize>(write: impl FnOnce(*mut c_char, u32)) -> String {
    let mut buffer = [0_u8; SIZE];
    write(buffer.as_mut_ptr().cast(), u32::try_from(SIZE).expect("a small buffer"));
    in_array(&buffer).map(Cow::into_owned).unwrap_or_default()
}

/// A string for the library; `None` where it holds a NUL.
pub(crate) fn for_c(text: &str) -> Option<CString> {
    CString::new(text).ok()
}
