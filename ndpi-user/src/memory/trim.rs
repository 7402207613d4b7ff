//! Giving memory back to the system.

/// Has the C library give back what was freed, of all threads: it keeps that for later otherwise. Whoever allocates
/// meanwhile waits for a moment.
pub(crate) fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes no pointer, and may be called at any time by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
