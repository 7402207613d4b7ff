//! From the pins of an instance, by which a person knows it, to where it takes commands.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use ndpi_kernel::FolderError;
use ndpi_kernel::pinned::socket_path;

use super::AskError;

/// Where the instance whose maps are pinned in this folder takes commands.
///
/// # Errors
///
/// There is no such folder, others can exchange what is in it, or this process may not look there.
pub fn socket_of(pin_directory: &Path) -> Result<PathBuf> {
    let denied = |error: &FolderError| match error {
        FolderError::Call { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
        _ => false,
    };
    match socket_path(pin_directory) {
        Ok(Some(socket)) => Ok(socket),
        Ok(None) => Err(AskError::Nobody(pin_directory.to_owned()).into()),
        Err(error) if denied(&error) => Err(AskError::Denied(pin_directory.to_owned()).into()),
        Err(error) => Err(error.into()),
    }
}
