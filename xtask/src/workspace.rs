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
    /// Another checkout.
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// The checkout that this xtask lies in, as in `xtask/launch`; else the one it was compiled in.
    pub(crate) fn here() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let compiled_in = package.parent().unwrap_or(package);
        let program = std::env::current_exe().unwrap_or_default();
        Self { root: around(&program).unwrap_or(compiled_in).to_path_buf() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What `cargo xtask` starts first: a workspace of its own, for compilers of any age.
    pub(crate) fn launcher(&self) -> PathBuf {
        self.root.join("xtask/launch")
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

    /// Packages of Python for tests, as `setup` leaves them.
    pub(crate) fn python(&self) -> PathBuf {
        self.target().join("python")
    }

    /// Where cargo compiles the BPF programs: apart, since their flags are not the host's.
    pub(crate) fn bpf_target(&self) -> PathBuf {
        self.target().join("bpf")
    }

    /// The object with the BPF programs.
    pub(crate) fn bpf_object(&self) -> PathBuf {
        self.bpf_target().join("ndpi-xdp.o")
    }

    /// The folder of the object that is committed, for who does not compile it.
    pub(crate) fn committed_object(&self) -> PathBuf {
        self.root.join("ndpi-ebpf/object")
    }

    /// The program, as `cargo xtask build` leaves it.
    pub(crate) fn binary(&self, profile: Profile) -> PathBuf {
        self.target().join(profile.folder()).join("ndpi-xdp")
    }
}

/// How `ndpi-xdp` is compiled; the root's `Cargo.toml` says more.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// Without optimisation.
    Debug,
    /// Optimised, and there soon: to try it, to work on it, to test it.
    Quick,
    /// As fast as it gets, for who measures or installs it.
    Dist,
}

impl Profile {
    /// Cargo's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Debug => "dev",
            Self::Quick => "release",
            Self::Dist => "dist",
        }
    }

    /// What cargo calls the folder below `target`.
    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Quick | Self::Dist => self.name(),
        }
    }

    /// How long the first time takes, for who waits.
    pub(crate) fn patience(self) -> &'static str {
        match self {
            Self::Debug | Self::Quick => "a minute or two, the first time",
            Self::Dist => "optimised as a whole: some minutes",
        }
    }
}

/// The checkout that a path lies in.
fn around(path: &Path) -> Option<&Path> {
    path.ancestors().find(|folder| folder.join("xtask/launch/Cargo.toml").exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_the_one_that_the_program_lies_in() {
        let moved = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(moved.path().join("xtask/launch")).unwrap();
        let program = moved.path().join("target/debug/xtask");
        assert_eq!(around(&program), None);
        std::fs::write(moved.path().join("xtask/launch/Cargo.toml"), "").unwrap();
        assert_eq!(around(&program), Some(moved.path()));
    }
}
