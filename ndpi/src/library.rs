//! The loaded library.

use std::path::Path;
use std::sync::Arc;

use crate::{EngineBuilder, EngineError, LoadError, SharedCaches, text};

/// nDPI 5.0, loaded. A handle: cloning it is cheap. The library stays loaded for the rest of the
/// process.
#[derive(Clone, Debug)]
pub struct Library {
    sys: Arc<ndpi_sys::Library>,
}

impl Library {
    /// Loads nDPI and checks that it is 5.0 and laid out as expected.
    ///
    /// Looked for are, in this order: `path`; the environment variable `NDPI_LIBRARY`; what the
    /// loader finds as `libndpi.so.5`; copies beside the running program, as installed
    /// (`bin/x` → `lib/ndpi-xdp`, `lib`) or built in a checkout (`target/ndpi`); the system's folders
    /// for libraries. The first two are used or refused, and refused in a program that has rights
    /// which its caller lacks. Of the others, a copy that is refused is passed over with a warning in
    /// the log, as is one that others than root and this process's user could have put there.
    ///
    /// # Errors
    ///
    /// No library was found, or another release (4.x, 6.x), or one built so differently that it
    /// cannot be used; see [`LoadError`].
    pub fn load(path: Option<&Path>) -> Result<Self, LoadError> {
        ndpi_sys::Library::load(path, false).map(Self::loaded)
    }

    /// The same, with [`memory_in_use`](Self::memory_in_use) counted, which costs an atomic
    /// addition for each allocation (`ndpi_set_memory_alloction_functions`).
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load); and it must be the first time that the process loads it.
    #[doc(alias = "ndpi_set_memory_alloction_functions")]
    pub fn load_counting_memory(path: Option<&Path>) -> Result<Self, LoadError> {
        ndpi_sys::Library::load(path, true).map(Self::loaded)
    }

    fn loaded(sys: ndpi_sys::Library) -> Self {
        for error in sys.passed_over() {
            match error {
                // The common case: nDPI is not installed for the whole system.
                LoadError::Open { .. } => log::debug!("passed over: {error:?}"),
                _ => log::warn!("passed over: {error:?}"),
            }
        }
        let library = Self { sys: Arc::new(sys) };
        log::debug!("nDPI {} from {}", library.revision(), library.path().display());
        library
    }

    /// The file that was loaded.
    pub fn path(&self) -> &Path {
        self.sys.path()
    }

    /// The release, such as `5.0.0-1-375f99e` (`ndpi_revision`).
    #[doc(alias = "ndpi_revision")]
    pub fn revision(&self) -> String {
        // SAFETY: the function takes no arguments and returns a constant string.
        unsafe { text::owned((self.functions().revision)()) }
    }

    /// nDPI's "API version" (`ndpi_get_api_version`): a count of commits, or the date of the build.
    /// Good for a bug report; it says nothing about compatibility.
    #[doc(alias = "ndpi_get_api_version")]
    pub fn api_version(&self) -> u16 {
        // SAFETY: the function takes no arguments and returns a constant.
        unsafe { (self.functions().get_api_version)() }
    }

    /// The version of libgcrypt in use, with `internal` after it where it is nDPI's own
    /// (`ndpi_get_gcrypt_version`).
    #[doc(alias = "ndpi_get_gcrypt_version")]
    pub fn gcrypt_version(&self) -> String {
        // SAFETY: the function takes no arguments and returns a constant string.
        unsafe { text::owned((self.functions().get_gcrypt_version)()) }
    }

    /// Bytes of a flow, without what it points to (`ndpi_detection_get_sizeof_ndpi_flow_struct`).
    #[doc(alias = "ndpi_detection_get_sizeof_ndpi_flow_struct")]
    pub fn flow_size(&self) -> usize {
        // The load-time checks compared it with what the library says.
        ndpi_sys::flow::SIZE
    }

    /// Bytes that nDPI has allocated since it was loaded, flows not counted, modulo 4 GiB
    /// (`ndpi_get_tot_allocated_memory`). What was freed is not taken off: only the difference
    /// between two moments without frees says something.
    #[doc(alias = "ndpi_get_tot_allocated_memory")]
    pub fn allocated_so_far(&self) -> u32 {
        // SAFETY: the function takes no arguments and reads a counter.
        unsafe { (self.functions().get_tot_allocated_memory)() }
    }

    /// Bytes that nDPI holds in this process, for all engines and flows, as the allocator rounds
    /// them; `None` but after [`load_counting_memory`](Self::load_counting_memory).
    pub fn memory_in_use(&self) -> Option<usize> {
        ndpi_sys::memory::in_use()
    }

    /// A new engine with caches of its own, to be configured and built. About 10 MB and 20 ms
    /// (`ndpi_init_detection_module`).
    #[doc(alias = "ndpi_init_detection_module")]
    pub fn engine(&self) -> EngineBuilder {
        EngineBuilder::new(self, None)
    }

    /// Caches that several engines share (`ndpi_global_init`).
    ///
    /// # Errors
    ///
    /// Memory is short.
    #[doc(alias = "ndpi_global_init")]
    pub fn shared_caches(&self) -> Result<SharedCaches, EngineError> {
        SharedCaches::new(self)
    }

    pub(crate) fn functions(&self) -> &ndpi_sys::Functions {
        self.sys.functions()
    }
}
