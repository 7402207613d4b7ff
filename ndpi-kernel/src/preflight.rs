//! Checks before programs are loaded, each with its own error.

use std::fs;
use std::io;
use std::path::Path;

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities};

use super::object::{MissingObject, kernel_object};
use super::sys;

/// The types of the running kernel, with which aya and the verifier compare the programs.
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// Something is missing without which no program can be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// This binary holds no programs.
    #[error(transparent)]
    NoObject(#[from] MissingObject),
    /// This binary's programs cannot be read.
    #[error(
        "the BPF object in this binary cannot be read; build both again with: cargo xtask build"
    )]
    BadObject(#[source] aya_obj::ParseError),
    /// The process may not do what it must.
    #[error(
        "cannot use BPF programs and maps: {0} missing; run it as root (sudo), or as a service with \
         AmbientCapabilities= (SECURITY.md says which)",
        .missing.join(", ")
    )]
    MissingCapabilities {
        /// The capabilities by name.
        missing: Vec<&'static str>,
    },
    /// The capabilities could not be read.
    #[error("cannot read this process's capabilities")]
    Capabilities(#[source] io::Error),
    /// The kernel was built without type information.
    #[error(
        "the running kernel does not tell its types ({KERNEL_BTF} is missing): it must be one \
         built with CONFIG_DEBUG_INFO_BTF=y, as distributions build theirs"
    )]
    NoBtf,
    /// The kernel is too old for ring buffers, or was built without BPF.
    #[error(
        "the running kernel does not make BPF ring buffers: it must be Linux 5.8 or later with \
         CONFIG_BPF_SYSCALL=y"
    )]
    NoRings(#[source] io::Error),
}

/// Checks everything but the BPF file system, and gives the object to load.
///
/// # Errors
///
/// What is missing, the first thing first.
pub fn preflight() -> Result<&'static [u8], PreflightError> {
    let object = kernel_object()?;
    check_capabilities()?;
    check_btf(Path::new(KERNEL_BTF))?;
    allow_locked_memory();
    check_rings()?;
    Ok(object)
}

/// Checks that this process may load and attach programs.
///
/// # Errors
///
/// [`PreflightError::MissingCapabilities`].
pub fn check_capabilities() -> Result<(), PreflightError> {
    let sets = capabilities(None).map_err(|e| PreflightError::Capabilities(e.into()))?;
    let missing = missing(sets.effective);
    if missing.is_empty() { Ok(()) } else { Err(PreflightError::MissingCapabilities { missing }) }
}

/// Checks that this process may read pinned maps.
///
/// # Errors
///
/// [`PreflightError::MissingCapabilities`].
pub(super) fn check_may_read_maps() -> Result<(), PreflightError> {
    let sets = capabilities(None).map_err(|e| PreflightError::Capabilities(e.into()))?;
    if sets.effective.intersects(CapabilitySet::BPF | CapabilitySet::SYS_ADMIN) {
        return Ok(());
    }
    Err(PreflightError::MissingCapabilities { missing: vec!["CAP_BPF"] })
}

/// Checks that this process may ask which programs there are: the kernel gives their names to nobody
/// else.
///
/// # Errors
///
/// [`PreflightError::MissingCapabilities`].
pub(super) fn check_may_list_programs() -> Result<(), PreflightError> {
    let sets = capabilities(None).map_err(|e| PreflightError::Capabilities(e.into()))?;
    if sets.effective.contains(CapabilitySet::SYS_ADMIN) {
        return Ok(());
    }
    Err(PreflightError::MissingCapabilities { missing: vec!["CAP_SYS_ADMIN"] })
}

/// The names of the capabilities that `effective` lacks (capabilities(7)).
fn missing(effective: CapabilitySet) -> Vec<&'static str> {
    let has = |one| effective.intersects(one);
    let all = CapabilitySet::SYS_ADMIN;
    let needed = [
        ("CAP_BPF", has(CapabilitySet::BPF | all)),
        ("CAP_NET_ADMIN", has(CapabilitySet::NET_ADMIN)),
        ("CAP_PERFMON", has(CapabilitySet::PERFMON | all)),
    ];
    needed.into_iter().filter_map(|(name, has)| (!has).then_some(name)).collect()
}

fn check_btf(types: &Path) -> Result<(), PreflightError> {
    if fs::exists(types).unwrap_or(false) { Ok(()) } else { Err(PreflightError::NoBtf) }
}

/// Makes the smallest ring there is, as a test.
fn check_rings() -> Result<(), PreflightError> {
    let smallest = u32::try_from(rustix::param::page_size()).unwrap_or(1 << 16);
    sys::create_ring("ndpi_probe", smallest).map(drop).map_err(PreflightError::NoRings)
}

/// Before Linux 5.11 maps count as locked memory of the user.
fn allow_locked_memory() {
    let unlimited = Rlimit { current: None, maximum: None };
    if let Err(error) = setrlimit(Resource::Memlock, unlimited) {
        log::debug!("cannot raise the limit of locked memory: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_capability_is_named() {
        assert_eq!(missing(CapabilitySet::empty()), ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]);
        assert_eq!(missing(CapabilitySet::BPF | CapabilitySet::NET_ADMIN), ["CAP_PERFMON"]);
        assert_eq!(missing(CapabilitySet::SYS_ADMIN), ["CAP_NET_ADMIN"]);
        assert!(missing(CapabilitySet::all()).is_empty());
    }

    #[test]
    fn errors_name_the_way_out() {
        let error = PreflightError::MissingCapabilities { missing: vec!["CAP_BPF", "CAP_PERFMON"] };
        assert!(error.to_string().contains("CAP_BPF, CAP_PERFMON missing; run it as root"));
        let error = check_btf(Path::new("/nonexistent/vmlinux")).unwrap_err();
        assert!(error.to_string().contains("CONFIG_DEBUG_INFO_BTF"));
    }
}
