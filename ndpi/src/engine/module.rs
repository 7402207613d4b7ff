//! nDPI's own module, with what must live as long as it.

use std::ptr::NonNull;

use ndpi_sys::module_lock;
use ndpi_sys::types::{GlobalContext, Module};

use crate::{Library, SharedCaches, text};

/// How the library begins the name of a category that does not exist.
const NO_CATEGORY: &str = "Invalid category";

/// A module and what it needs to live. Freed once, whether it got to run or not.
#[derive(Debug)]
pub(super) struct OwnedModule {
    pub(super) pointer: NonNull<Module>,
    shared: Option<SharedCaches>,
    pub(super) library: Library,
}

// SAFETY: a module holds no thread-local state and may be used by any one thread at a time; flows
// borrow the engine or own a share of it by an `Rc`, and neither they nor that are `Send`, so none stays
// behind on another thread. `Sync` is withheld
// by the pointer.
unsafe impl Send for OwnedModule {}

impl OwnedModule {
    pub(super) fn new(library: &Library, shared: Option<&SharedCaches>) -> Option<Self> {
        let context = shared.map_or(std::ptr::null_mut(), |shared| shared.pointer().as_ptr());
        let _lock = module_lock();
        // SAFETY: the module lock is held; the context is null or kept alive beside the module.
        let pointer = unsafe { (library.functions().init_detection_module)(context) };
        let pointer = NonNull::new(pointer)?;
        Some(Self { pointer, shared: shared.cloned(), library: library.clone() })
    }

    /// The names of all categories by number, up to the last; empty for numbers without one.
    pub(super) fn category_names(&self) -> Vec<String> {
        // Of a number that it does not know the library makes a text in one buffer for all threads.
        let _lock = module_lock();
        let name = |id: u32| {
            let function = self.library.functions().category_get_name;
            // SAFETY: the module is alive; the function takes any number. The string is constant, the
            // module's, or in the buffer that the lock guards; it is copied at once.
            unsafe { text::owned(function(self.pointer.as_ptr(), id)) }
        };
        let all = (0..u32::from(u16::MAX)).map(name);
        all.take_while(|name| !name.starts_with(NO_CATEGORY)).collect()
    }

    pub(super) fn context(&self) -> *mut GlobalContext {
        self.shared.as_ref().map_or(std::ptr::null_mut(), |shared| shared.pointer().as_ptr())
    }
}

impl Drop for OwnedModule {
    fn drop(&mut self) {
        let _lock = module_lock();
        // SAFETY: flows hold the engine, so all are gone; the lock is held; the shared context
        // is dropped after this.
        unsafe { (self.library.functions().exit_detection_module)(self.pointer.as_ptr()) }
    }
}
