#![doc = include_str!("../README.md")]

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
pub use flow::{Endpoints, FirstPacket, FirstPacketConfidence, Flow, HoldsEngine, Stack};
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
