//! The options that say which nDPI to use and how, of every command that classifies.

use std::path::PathBuf;

use clap::Args;

use crate::engine_setup::{EngineSetup, Setting};

/// Which nDPI, and its setup. Files may be given several times.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "nDPI")]
pub struct NdpiOptions {
    /// nDPI's shared library, instead of the variable `NDPI_LIBRARY` and of what the loader finds as
    /// libndpi.so.5; the loader searches for a name without `/`
    // Read where the library is loaded: an empty variable is none there, while clap refuses it.
    #[arg(long, value_name = "FILE")]
    pub ndpi_library: Option<PathBuf>,

    /// Set a parameter of nDPI: `KEY=VALUE`, or `PROTOCOL,KEY=VALUE` for one of a protocol
    #[arg(long, value_name = "[PROTOCOL,]KEY=VALUE")]
    pub ndpi_config: Vec<Setting>,

    /// Custom protocols, in the format of nDPI's protos.txt
    #[arg(long, value_name = "FILE")]
    pub protocols: Vec<PathBuf>,

    /// Categories of hosts and networks, in the format of nDPI's categories.txt
    #[arg(long, value_name = "FILE")]
    pub categories: Vec<PathBuf>,

    /// File of JA4 fingerprints of malware
    #[arg(long, value_name = "FILE")]
    pub malicious_ja4: Vec<PathBuf>,

    /// File of SHA-1 fingerprints of malicious certificates
    #[arg(long, value_name = "FILE")]
    pub malicious_sha1: Vec<PathBuf>,

    /// File of risky domains
    #[arg(long, value_name = "FILE")]
    pub risk_domains: Vec<PathBuf>,

    /// Public suffix list, with which nDPI finds the domain of a host
    #[arg(long, value_name = "FILE")]
    pub domain_suffixes: Vec<PathBuf>,

    /// File of fingerprints of TCP stacks
    #[arg(long, value_name = "FILE")]
    pub tcp_fingerprints: Vec<PathBuf>,
}

impl From<NdpiOptions> for EngineSetup {
    fn from(options: NdpiOptions) -> Self {
        Self {
            library: options.ndpi_library,
            config: options.ndpi_config,
            protocols: options.protocols,
            categories: options.categories,
            malicious_ja4: options.malicious_ja4,
            malicious_sha1: options.malicious_sha1,
            risk_domains: options.risk_domains,
            domain_suffixes: options.domain_suffixes,
            tcp_fingerprints: options.tcp_fingerprints,
        }
    }
}
