//! The engine: a detection module.

mod builder;
mod catalog;
mod hosts;
mod ids;
mod lists;
mod module;
mod names;
mod rules;
mod stats;

use std::ffi::c_int;
use std::rc::Rc;

pub use builder::EngineBuilder;
use ndpi_sys::Functions;
use ndpi_sys::types::Module;

use crate::{Flow, Library, text};
use module::OwnedModule;
pub use stats::CacheStatistics;

/// A detection module, configured and running (`struct ndpi_detection_module_struct`).
///
/// It has no locks inside: an engine belongs to one thread at a time, and all packets of a flow go
/// to the same engine. It can be moved to another thread while it has no flows, but not shared:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<ndpi::Engine>();
/// ```
///
/// ```
/// fn moved<T: Send>() {}
/// moved::<ndpi::Engine>();
/// ```
#[derive(Debug)]
pub struct Engine {
    module: OwnedModule,
    /// Places in the module's table of protocols.
    protocol_count: u16,
    /// Names of categories by number; empty where there is none.
    categories: Vec<String>,
}

impl Engine {
    /// The module is finalized.
    fn new(module: OwnedModule) -> Self {
        let functions = module.library.functions();
        // SAFETY: the module is finalized.
        let count = unsafe { (functions.get_num_protocols)(module.pointer.as_ptr()) };
        let categories = module.category_names();
        let protocol_count = u16::try_from(count).unwrap_or(u16::MAX);
        Self { module, protocol_count, categories }
    }

    /// A new flow, of which no packet was seen yet (`ndpi_flow_malloc`).
    ///
    /// Aborts the process where memory is short, like every other allocation.
    #[doc(alias = "ndpi_flow_malloc")]
    #[inline]
    pub fn flow(&self) -> Flow<&Self> {
        Flow::new(self)
    }

    /// The same, of a flow that owns a share of its engine, so that both can be in one struct:
    ///
    /// ```no_run
    /// use std::collections::HashMap;
    /// use std::net::SocketAddr;
    /// use std::rc::Rc;
    ///
    /// use ndpi::{Classification, Engine, Flow};
    ///
    /// struct Classifier {
    ///     engine: Rc<Engine>,
    ///     flows: HashMap<(SocketAddr, SocketAddr), Flow<Rc<Engine>>>,
    /// }
    ///
    /// impl Classifier {
    ///     /// The state of the flow between `ends`, in one order for both directions, after this packet.
    ///     fn packet(
    ///         &mut self,
    ///         ends: (SocketAddr, SocketAddr),
    ///         l3: &[u8],
    ///         time_ms: u64,
    ///     ) -> Classification {
    ///         let flow = self.flows.entry(ends).or_insert_with(|| self.engine.shared_flow());
    ///         flow.process(l3, time_ms)
    ///     }
    /// }
    ///
    /// let engine = ndpi::Library::load(None)?.engine().build()?;
    /// let classifier = Classifier { engine: Rc::new(engine), flows: HashMap::new() };
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "ndpi_flow_malloc")]
    pub fn shared_flow(self: &Rc<Self>) -> Flow<Rc<Self>> {
        Flow::new(Rc::clone(self))
    }

    /// A setting's value, as text (`ndpi_get_config`); `None` where there is no such setting.
    /// `protocol` and `key` are as in [`EngineBuilder::config`].
    #[doc(alias = "ndpi_get_config")]
    pub fn setting(&self, protocol: Option<&str>, key: &str) -> Option<String> {
        let protocol = match protocol {
            Some(protocol) => Some(text::for_c(protocol)?),
            None => None,
        };
        let protocol = protocol.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
        let key = text::for_c(key)?;
        let mut buffer = [0_u8; 128];
        let size = c_int::try_from(buffer.len()).ok()?;
        // SAFETY: a finalized module, strings that outlive the call, and a buffer within whose
        // size the function writes a string.
        let found = unsafe {
            let buffer = buffer.as_mut_ptr().cast();
            (self.functions().get_config)(self.module(), protocol, key.as_ptr(), buffer, size)
        };
        (!found.is_null()).then(|| text::in_array(&buffer).unwrap_or_default().into_owned())
    }

    /// The library that runs this engine.
    pub fn library(&self) -> &Library {
        &self.module.library
    }

    #[inline]
    pub(crate) fn functions(&self) -> &Functions {
        self.module.library.functions()
    }

    #[inline]
    pub(crate) fn module(&self) -> *mut Module {
        self.module.pointer.as_ptr()
    }
}
