//! Values that threads share, whole whatever has happened to one of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The value, also where a thread has panicked while it had it: for values that are changed at once, of which none
/// is left half written.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
