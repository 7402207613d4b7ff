//! Facts about this process from the kernel's auxiliary vector.

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Whether this process has rights that its caller lacks: its file is set-user-id, set-group-id or
/// has capabilities, or a security module says so (`AT_SECURE`, getauxval(3)).
pub fn is_privileged() -> bool {
    auxiliary(libc::AT_SECURE) != 0
}

/// The user whose rights this process has.
pub(crate) fn user() -> u32 {
    // SAFETY: geteuid(2) takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// The program's own file, without links; also where `/proc` is not mounted.
pub(crate) fn executable() -> Option<PathBuf> {
    std::env::current_exe().ok().or_else(started_as)
}

/// The file as it was named to the kernel at the start.
fn started_as() -> Option<PathBuf> {
    let name = std::ptr::with_exposed_provenance::<c_char>(auxiliary(libc::AT_EXECFN));
    if name.is_null() {
        return None;
    }
    // SAFETY: AT_EXECFN is the address of a C string that lies beside the environment for as long as
    // the process lives, and that nobody writes to.
    let name = unsafe { CStr::from_ptr(name) };
    Path::new(OsStr::from_bytes(name.to_bytes())).canonicalize().ok()
}

/// A value of the auxiliary vector; 0 where it is not there.
fn auxiliary(kind: libc::c_ulong) -> usize {
    // SAFETY: getauxval(3) takes any number, and answers 0 to those that it does not know.
    usize::try_from(unsafe { libc::getauxval(kind) }).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_lead_to_the_same_file() {
        let known = std::env::current_exe().unwrap().canonicalize().unwrap();
        assert_eq!(started_as(), Some(known));
        assert!(!is_privileged(), "a test has the rights of who starts it");
    }
}
