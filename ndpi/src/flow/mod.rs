//! A flow and its packets.

mod details;
mod holder;
mod json;
mod strings;

use std::fmt;
use std::ptr::NonNull;

use ndpi_sys::flow as field;
use ndpi_sys::{Functions, types};

pub use details::{FirstPacket, FirstPacketConfidence, Stack};
pub use holder::HoldsEngine;
pub use json::Endpoints;

use crate::{AppId, BreedId, CategoryId, Classification, Confidence, Engine, Hints, Risks, raw};

/// A flow: both directions of one connection, as far as nDPI has seen it
/// (`struct ndpi_flow_struct`).
///
/// It borrows its engine ([`Engine::flow`]) or owns a share of it ([`Engine::shared_flow`]), and is freed,
/// with all that it points to, when dropped. It is no larger than two pointers; the library's own part has
/// [`Library::flow_size`](crate::Library::flow_size) bytes and, while dissection lasts, a few
/// hundred to some thousands more.
///
/// A flow stays on its engine's thread:
///
/// ```compile_fail,E0277
/// fn moved<T: Send>() {}
/// moved::<ndpi::Flow<&'static ndpi::Engine>>();
/// ```
///
/// ```compile_fail,E0277
/// fn moved<T: Send>() {}
/// moved::<ndpi::Flow<std::rc::Rc<ndpi::Engine>>>();
/// ```
pub struct Flow<E: HoldsEngine> {
    pointer: NonNull<types::Flow>,
    // Dropped after the flow was freed with it.
    engine: E,
}

impl<E: HoldsEngine> Flow<E> {
    #[inline]
    pub(crate) fn new(engine: E) -> Self {
        // SAFETY: any size may be asked for.
        let pointer = unsafe { (engine.functions().flow_malloc)(field::SIZE) };
        let Some(pointer) = NonNull::new(pointer) else { out_of_memory() };
        // SAFETY: the library has just allocated this many bytes, which are nobody else's. It
        // leaves zeroing them to its caller.
        unsafe { pointer.cast::<u8>().write_bytes(0, field::SIZE) };
        Self { pointer, engine }
    }

    /// Dissects one packet of the flow (`ndpi_detection_process_packet`).
    ///
    /// `l3` starts with the IP header and should hold all of the packet that the header announces:
    /// a UDP or IPv6 packet that was cut is ignored. Link layers and tunnels are to be stripped
    /// before; fragments but the first are ignored. Bytes after the first 65535 are not looked at.
    /// `time_ms` is when the packet was captured, in milliseconds since 1970: caches age and
    /// certificates expire by it.
    ///
    /// Call it for every packet, empty ones included, until the [state](Classification::state) is
    /// [`State::Classified`](crate::State::Classified); a call after that changes nothing, and costs next to nothing. The
    /// setting `packets_limit_per_flow` (32) ends the dissection of a flow that is never
    /// recognized; one that ends before wants [`give_up`](Self::give_up).
    #[doc(alias = "ndpi_detection_process_packet")]
    #[inline]
    pub fn process(&mut self, l3: &[u8], time_ms: u64) -> Classification {
        self.process_with(l3, time_ms, Hints::default())
    }

    /// The same, with what the caller knows of the packet besides
    /// (`ndpi_flow_input_info`).
    #[doc(alias("ndpi_detection_process_packet", "ndpi_flow_input_info"))]
    #[inline]
    pub fn process_with(&mut self, l3: &[u8], time_ms: u64, hints: Hints) -> Classification {
        let length = u16::try_from(l3.len()).unwrap_or(u16::MAX);
        let mut info = hints.for_library();
        // SAFETY: the engine is finalized and on this thread (it is not Sync, and this flow not
        // Send), the flow is its own and borrowed exclusively, the packet has at least `length`
        // bytes, and `info` outlives the call.
        let result = unsafe {
            (self.engine.functions().detection_process_packet)(
                self.engine.module(),
                self.pointer.as_ptr(),
                l3.as_ptr(),
                length,
                time_ms,
                &raw mut info,
            )
        };
        self.classified_as(&result)
    }

    /// Ends the dissection: what was not recognized is looked up in caches and guessed from ports
    /// and addresses, as far as `dpi.guess_on_giveup` allows (`ndpi_detection_giveup`).
    ///
    /// For flows that end, or are forgotten, before they are [`State::Classified`](crate::State::Classified). It cannot be
    /// undone: later packets are ignored. A second call changes nothing.
    #[doc(alias = "ndpi_detection_giveup")]
    pub fn give_up(&mut self) -> Classification {
        // SAFETY: the engine is finalized and on this thread, the flow its own and borrowed
        // exclusively.
        let result = unsafe {
            (self.engine.functions().detection_giveup)(self.engine.module(), self.pointer.as_ptr())
        };
        self.classified_as(&result)
    }

    /// What is known now, as after the last [`process`](Self::process) or
    /// [`give_up`](Self::give_up).
    pub fn classification(&self) -> Classification {
        let [app, master] = self.read(field::DETECTED);
        Classification {
            state: raw::state(self.read(field::STATE)),
            app: self.engine.public_app(types::MasterApp { master, app }),
            category: category(self.read(field::CATEGORY)),
            breed: breed(self.read(field::BREED)),
            ..self.evidence()
        }
    }

    /// The engine that dissects the flow.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How many packets nDPI has looked at (`num_processed_pkts`).
    pub fn processed_packets(&self) -> u16 {
        self.read(field::PROCESSED_PACKETS)
    }

    #[inline]
    fn classified_as(&self, result: &types::Protocol) -> Classification {
        Classification {
            state: raw::state(result.state),
            app: AppId { master: result.protocol.master, app: result.protocol.app },
            category: category(result.category),
            breed: breed(result.breed),
            ..self.evidence()
        }
    }

    /// The part of a classification that is in the flow only.
    #[inline]
    fn evidence(&self) -> Classification {
        let confidence = raw::confidence(self.read(field::CONFIDENCE));
        let flagged = self.read(field::GUESS_BITS) & field::WAS_GUESSED != 0;
        let by_endpoint = matches!(confidence, Confidence::MatchByPort | Confidence::MatchByIp);
        Classification {
            confidence,
            guessed: flagged || by_endpoint,
            risks: Risks(self.read(field::RISKS)),
            ..Classification::default()
        }
    }

    pub(crate) fn functions(&self) -> &Functions {
        self.engine.functions()
    }

    /// Whether master or application is this protocol.
    pub(crate) fn is(&self, protocol: u16) -> bool {
        self.read(field::DETECTED).contains(&protocol)
    }

    #[inline]
    pub(crate) fn read<T: Copy>(&self, field: field::Field<T>) -> T {
        // SAFETY: the flow is live, its library passed the load-time checks, and it is not being
        // dissected: that takes a unique borrow.
        unsafe { field.read(self.pointer) }
    }
}

impl<E: HoldsEngine> Drop for Flow<E> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the flow came from this library's flow_malloc and is freed once; flow_free also
        // frees what it points to. The module it was used with is alive, since the flow holds its
        // engine.
        unsafe { (self.engine.functions().flow_free)(self.pointer.as_ptr()) }
    }
}

impl<E: HoldsEngine> fmt::Debug for Flow<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("packets", &self.processed_packets())
            .field("classification", &self.classification())
            .finish_non_exhaustive()
    }
}

#[inline]
fn category(raw: u32) -> CategoryId {
    CategoryId(u16::try_from(raw).unwrap_or_default())
}

#[inline]
fn breed(raw: u32) -> BreedId {
    BreedId(u8::try_from(raw).unwrap_or_default())
}

#[cold]
fn out_of_memory() -> ! {
    let layout = std::alloc::Layout::from_size_align(field::SIZE, 8).expect("a flow has a layout");
    std::alloc::handle_alloc_error(layout)
}
