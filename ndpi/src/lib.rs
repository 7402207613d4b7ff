//! A safe API over nDPI 5.0, with its explicit flow state.
//!
//! Give the packets of a flow to the library, one after another, until its state is
//! [`State::Classified`]:
//!
//! ```no_run
//! use ndpi::{Hints, Library, State};
//!
//! # fn packets_of_one_flow() -> Vec<(Vec<u8>, u64)> { Vec::new() }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Library::load(None)?.engine().build()?;
//! let mut flow = engine.flow();
//! for (packet, time_ms) in packets_of_one_flow() {
//!     if flow.process(&packet, time_ms, Hints::default()).state == State::Classified {
//!         break;
//!     }
//! }
//! if !flow.classification().state.is_final() {
//!     flow.give_up();
//! }
//! let found = flow.classification();
//! println!(
//!     "{} ({}), {}",
//!     engine.app_name(found.app),
//!     engine.category_name(found.category),
//!     flow.hostname().unwrap_or_default(),
//! );
//! # Ok(()) }
//! ```
//!
//! | | is | lives on |
//! |---|---|---|
//! | [`Library`] | the shared library, loaded and checked | any thread |
//! | [`EngineBuilder`], [`Engine`] | a detection module, being configured and running | one thread at a time |
//! | [`Flow`] | both directions of one connection | the thread of its engine |
//! | [`SharedCaches`] | what several engines remember together | any thread |
//! | [`Classification`] | the answer: plain values | any thread |

mod engine;
mod error;
mod flow;
mod hints;
mod library;
mod metadata;
mod raw;
mod risk;
mod shared;
mod text;

pub use engine::{CacheStatistics, Engine, EngineBuilder};
pub use error::{ConfigError, EngineError, JsonError, RulesError};
pub use flow::{Endpoints, FirstPacket, FirstPacketConfidence, Flow, Stack};
pub use hints::{Direction, Hints};
pub use library::Library;
pub use metadata::{
    Certificate, Dns, DnsAddress, DnsResponse, Http, Metadata, Quic, Ssh, TcpFingerprint, Tls,
};
pub use ndpi_labels::{
    AppId, Asking, Breed, BreedId, Catalog, Category, CategoryId, Classification, Confidence,
    Protocol, Risk, Risks, Severity, State,
};
pub use ndpi_sys::{LoadError, c_output_to_stderr, is_privileged};
pub use risk::RiskScore;
pub use shared::SharedCaches;
