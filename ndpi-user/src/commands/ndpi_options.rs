//! The options that say which nDPI to use and how, of every command that classifies.

use std::path::PathBuf;

use clap::Args;

use crate::engine_setup::{EngineSetup, Setting};

/// Which nDPI, and how it is set up. Files may be given several times.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "nDPI")]
pub struct NdpiOptions {
    /// nDPI's shared library, instead of what the loader finds as libndpi.so.5 (or of the variable
    /// `NDPI_LIBRARY`); a name without `/` is the loader's to find
    // Read where the library is loaded: an empty variable is none there, while clap refuses it.
    #[arg(long, value_name = "FILE")]
    pub ndpi_library: Option<PathBuf>,

    /// Change a setting of nDPI: `KEY=VALUE`, or `PROTOCOL,KEY=VALUE` for one of a protocol
    #[arg(long, value_name = "[PROTOCOL,]KEY=VALUE")]
    pub ndpi_config: Vec<Setting>,

    /// Custom protocols, in the format of nDPI's protos.txt
    #[arg(long, value_name = "FILE")]
    pub protocols: Vec<PathBuf>,

    /// Categories of hosts and networks, in the format of nDPI's categories.txt
    #[arg(long, value_name = "FILE")]
    pub categories: Vec<PathBuf>,

    /// JA4 fingerprints of malware
    #[arg(long, value_name = "FILE")]
    pub malicious_ja4: Vec<PathBuf>,

    /// SHA-1 fingerprints of certificates of malware
    #[arg(long, value_name = "FILE")]
    pub malicious_sha1: Vec<PathBuf>,

    /// Risky domains
    #[arg(long, value_name = "FILE")]
    pub risk_domains: Vec<PathBuf>,

    /// Public suffix list, by which nDPI finds the domain of a host
    #[arg(long, value_name = "FILE")]
    pub domain_suffixes: Vec<PathBuf>,

    /// Fingerprints of TCP stacks
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
