//! Paths that are handed from one process to another.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A path as it is, whatever its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OsString", into = "OsString")]
pub(crate) struct AnyPath(pub(crate) PathBuf);

impl From<OsString> for AnyPath {
    fn from(path: OsString) -> Self {
        Self(path.into())
    }
}

impl From<AnyPath> for OsString {
    fn from(AnyPath(path): AnyPath) -> Self {
        path.into()
    }
}
