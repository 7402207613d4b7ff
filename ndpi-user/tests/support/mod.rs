//! What the integration tests of the program share: sandboxes to run it in, and looking at what it
//! left attached.
#![allow(dead_code, reason = "each test file is a crate of its own and uses its own part of this")]

mod attached;
#[path = "../../benches/bpf/mod.rs"]
pub(crate) mod bpf;
pub(crate) mod flood;
pub(crate) mod foreign;
pub(crate) mod inside;
pub(crate) mod instance;
// The same file as the lab's: one way to make and remove namespaces.
#[path = "../../../xtask/src/lab/namespace.rs"]
pub(crate) mod namespace;
pub(crate) mod pair;
pub(crate) mod sandbox;
pub(crate) mod tun;
pub(crate) mod wire;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use ndpi_kernel::object::KERNEL_OBJECT;

/// The program under test: the release build that `cargo xtask test` made, else cargo's own.
pub(crate) fn binary() -> PathBuf {
    let cargos = || PathBuf::from(env!("CARGO_BIN_EXE_ndpi-xdp"));
    variable("NDPI_XDP_BINARY").map_or_else(cargos, PathBuf::from)
}

/// Whether the tests that attach programs can run: as root, with the programs of the distribution
/// and nDPI. If not, says why; in CI that is a failure.
pub(crate) fn ready(programs: &[&str]) -> bool {
    let missing = missing(programs);
    assert!(
        missing.is_none() || variable("CI").is_none(),
        "this must not be skipped in CI, but {}",
        missing.unwrap_or_default()
    );
    if let Some(missing) = &missing {
        eprintln!("skipped: {missing}");
    }
    missing.is_none()
}

/// Waits until something holds that is to come about soon.
pub(crate) fn wait_until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come about");
        thread::sleep(Duration::from_millis(20));
    }
}

/// nDPI for the program under test: what `NDPI_LIBRARY` names, else what `cargo xtask setup` made.
pub(crate) fn ndpi_library() -> PathBuf {
    let made = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/ndpi/libndpi.so.5");
    variable("NDPI_LIBRARY").map_or_else(made, PathBuf::from)
}

/// An environment variable; an empty one is as good as none.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn missing(programs: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("these tests make network namespaces and need root: cargo xtask test".into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = |program: &str| env::split_paths(&path).any(|folder| folder.join(program).exists());
    let absent: Vec<_> = programs.iter().copied().filter(|program| !found(program)).collect();
    if !absent.is_empty() {
        return Some(format!("missing: {}: cargo xtask setup", absent.join(", ")));
    }
    if variable("NDPI_XDP_BINARY").is_none() && KERNEL_OBJECT.is_none() {
        return Some("ndpi-xdp was compiled without its BPF programs: cargo xtask build".into());
    }
    let library = ndpi_library();
    (!library.exists()).then(|| format!("no nDPI at {}: cargo xtask setup", library.display()))
}
