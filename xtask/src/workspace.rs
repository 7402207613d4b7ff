//! Where things are in a checkout.

use std::path::{Path, PathBuf};

/// A checkout of the project, and the places in it that more than one command knows.
///
/// Everything built lands below `target/` of the checkout, also where `CARGO_TARGET_DIR` points
/// elsewhere: other commands, tests and people look for it there.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout this xtask was compiled from.
    pub(crate) fn here() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: package.parent().unwrap_or(package).to_path_buf() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Tools that `setup` builds: `cargo install --root` of this folder.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target().join("tools")
    }

    /// nDPI 5.0, as `setup` leaves it: a shared library with the soname `libndpi.so.5`.
    pub(crate) fn ndpi_library(&self) -> PathBuf {
        self.target().join("ndpi/libndpi.so.5")
    }

    /// Where cargo compiles the BPF programs: apart, since their flags are not the host's.
    pub(crate) fn bpf_target(&self) -> PathBuf {
        self.target().join("bpf")
    }

    /// The object with the BPF programs.
    pub(crate) fn bpf_object(&self) -> PathBuf {
        self.bpf_target().join("ndpi-xdp.o")
    }

    /// The program, as `cargo xtask build` leaves it.
    pub(crate) fn binary(&self, debug: bool) -> PathBuf {
        self.target().join(if debug { "debug" } else { "release" }).join("ndpi-xdp")
    }
}
