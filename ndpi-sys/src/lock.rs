//! The lock for what nDPI does once at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Serializes what nDPI wants serialized over a whole process: making, finalizing and freeing
/// modules and global contexts.
pub fn module_lock() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    // Nothing is kept under the lock that a panic could leave half-changed on this side.
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}
