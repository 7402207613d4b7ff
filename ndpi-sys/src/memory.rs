//! Counting what nDPI allocates.
//!
//! nDPI's own counter only grows. With these functions in place of `malloc` and its kin
//! (`ndpi_set_memory_alloction_functions`) the bytes in use are known, at the price of an atomic
//! addition per allocation.

use std::ffi::c_void;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::Functions;

/// Bytes in use. Signed, since a block that was allocated before counting began may be freed.
static IN_USE: AtomicIsize = AtomicIsize::new(0);

/// The libraries that were used in this process, and whether they are counted.
static USED: Mutex<Vec<Used>> = Mutex::new(Vec::new());

struct Used {
    /// The address of a function, by which the same library is known when it is loaded again.
    /// Libraries are not unloaded, so it is not used twice.
    address: usize,
    counted: bool,
}

/// Bytes that nDPI has allocated and not yet freed, flows included, as the allocator rounds them;
/// `None` where that is not counted.
pub fn in_use() -> Option<usize> {
    let used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    let counted = used.iter().any(|library| library.counted);
    counted.then(|| usize::try_from(IN_USE.load(Ordering::Relaxed)).unwrap_or_default())
}

/// To be called before any other function of the library; whether counting is as asked for. It
/// can only begin with the first use of a library in a process.
pub(crate) fn begin(functions: &Functions, count: bool) -> bool {
    let address = functions.set_memory_alloction_functions as usize;
    let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(before) = used.iter().find(|library| library.address == address) {
        return before.counted || !count;
    }
    if count {
        // SAFETY: no function of the library ran before but for its revision, so no thread is in
        // it now, and nothing was allocated by other means; the functions behave as those of the
        // C library, which they call.
        unsafe {
            (functions.set_memory_alloction_functions)(
                malloc, free, calloc, realloc, None, None, None, None,
            );
        }
    }
    used.push(Used { address, counted: count });
    true
}

unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    counted(unsafe { libc::malloc(size) })
}

unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    counted(unsafe { libc::calloc(count, size) })
}

unsafe extern "C" fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    let before = usable(pointer);
    // SAFETY: the library passes null or a block that one of these functions returned.
    let moved = unsafe { libc::realloc(pointer, size) };
    // Where it fails the block stays; a size of 0 frees it.
    if !moved.is_null() || size == 0 {
        IN_USE.fetch_sub(before, Ordering::Relaxed);
    }
    counted(moved)
}

unsafe extern "C" fn free(pointer: *mut c_void) {
    IN_USE.fetch_sub(usable(pointer), Ordering::Relaxed);
    // SAFETY: the library passes null or a block that one of these functions returned.
    unsafe { libc::free(pointer) }
}

fn counted(pointer: *mut c_void) -> *mut c_void {
    IN_USE.fetch_add(usable(pointer), Ordering::Relaxed);
    pointer
}

fn usable(pointer: *mut c_void) -> isize {
    // SAFETY: null, or a block of the C library's allocator that is not freed yet.
    unsafe { libc::malloc_usable_size(pointer) }.cast_signed()
}
