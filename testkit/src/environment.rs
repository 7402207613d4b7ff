//! Environment variables.

use std::env;
use std::ffi::OsString;

/// An environment variable; an empty one is as good as none.
pub fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
