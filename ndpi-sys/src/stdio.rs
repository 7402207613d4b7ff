//! Where C code prints to.

/// Lets everything that C code in this process prints to standard output go to standard error.
///
/// nDPI complains of lines in list files there ("Not a JA4C: …"), which would end up in the middle
/// of a program's results. Rust's own output is not affected. To be called early, before other
/// threads run C code that prints: what the C library has buffered by then stays where it was
/// meant to go.
///
/// Elsewhere than with the GNU C library, whose streams are variables, this does nothing.
pub fn c_output_to_stderr() {
    #[cfg(target_env = "gnu")]
    {
        use std::sync::atomic::{AtomicPtr, Ordering};

        unsafe extern "C" {
            static mut stdout: *mut libc::FILE;
            static mut stderr: *mut libc::FILE;
        }
        // SAFETY: both are variables of the C library, which its manual allows to set; they are
        // pointers, aligned as such, and live as long as the process. This side only accesses them
        // atomically.
        let (output, errors) =
            unsafe { (AtomicPtr::from_ptr(&raw mut stdout), AtomicPtr::from_ptr(&raw mut stderr)) };
        output.store(errors.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}
