//! Caches that several engines share.

use std::ptr::NonNull;
use std::sync::Arc;

use ndpi_sys::module_lock;
use ndpi_sys::types::GlobalContext;

use crate::{ConfigError, EngineBuilder, EngineError, Library};

/// The kinds of LRU caches, as they are called in settings (`ndpi_lru_cache_idx_to_name`).
pub(crate) const CACHE_NAMES: [&str; ndpi_sys::constants::LRU_CACHES as usize] =
    ["ookla", "bittorrent", "stun", "tls_cert", "mining", "msteams", "fpc_dns", "signal"];

/// LRU caches that several engines share (`struct ndpi_global_context`).
///
/// nDPI remembers peers it has seen (of file sharing, calls, names from DNS, …) and recognizes later
/// flows by that. An engine sees only what its own flows taught it, unless it was made from one of
/// these. Each cache is guarded by a lock of its own inside of nDPI; all eight together cost a few
/// per cent of the time, and save about 1 MB per engine.
///
/// A handle: cloning it is cheap, and it may be sent between threads.
#[derive(Clone, Debug)]
pub struct SharedCaches {
    context: Arc<Context>,
}

impl SharedCaches {
    pub(crate) fn new(library: &Library) -> Result<Self, EngineError> {
        let _lock = module_lock();
        // SAFETY: the module lock is held.
        let pointer = unsafe { (library.functions().global_init)() };
        let pointer = NonNull::new(pointer).ok_or(EngineError::NoContext)?;
        Ok(Self { context: Arc::new(Context { pointer, library: library.clone() }) })
    }

    /// A new engine that keeps all of its LRU caches here. Single caches can be taken back with
    /// `lru.<cache>.scope` = `0`.
    ///
    /// # Errors
    ///
    /// The library has no such caches, which 5.0 does not do.
    pub fn engine(&self) -> Result<EngineBuilder, ConfigError> {
        CACHE_NAMES
            .iter()
            .try_fold(EngineBuilder::new(&self.context.library, Some(self)), |builder, cache| {
                builder.config(None, &format!("lru.{cache}.scope"), "1")
            })
    }

    pub(crate) fn pointer(&self) -> NonNull<GlobalContext> {
        self.context.pointer
    }
}

#[derive(Debug)]
struct Context {
    pointer: NonNull<GlobalContext>,
    library: Library,
}

// SAFETY: from here the context is only handed to functions that make and free modules (under the
// module lock) and to the cache statistics; the library guards each cache in it with a mutex for
// precisely this use, several modules on several threads.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Drop for Context {
    fn drop(&mut self) {
        let _lock = module_lock();
        // SAFETY: every engine holds a `SharedCaches`, so its modules are gone; the lock is held.
        unsafe { (self.library.functions().global_deinit)(self.pointer.as_ptr()) }
    }
}
