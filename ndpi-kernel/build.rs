//! Embeds the object with the BPF programs, where it has been built.
//!
//! `cargo xtask build` compiles it; a plain `cargo build` works without and gives a program that
//! says, when it comes to it, that it holds no programs for the kernel.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Another object to embed than that of `cargo xtask build`.
const OVERRIDE: &str = "NDPI_XDP_OBJECT";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(kernel_object)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={OVERRIDE}");
    if let Some(object) = env::var_os(OVERRIDE).filter(|value| !value.is_empty()) {
        embed(Path::new(&object));
        return;
    }
    let object = built_object();
    if object.exists() {
        embed(&object);
    } else {
        watch_for(&object);
    }
}

fn built_object() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    Path::new(&package).join("../target/bpf/ndpi-xdp.o")
}

fn embed(object: &Path) {
    println!("cargo::rerun-if-changed={}", object.display());
    match object.canonicalize() {
        Ok(path) => {
            println!("cargo::rustc-cfg=kernel_object");
            println!("cargo::rustc-env={OVERRIDE}_PATH={}", path.display());
        }
        Err(error) => println!("cargo::error=cannot embed {}: {error}", object.display()),
    }
}

/// Asks cargo to run this again when the object appears.
///
/// Cargo takes a watched file that does not exist for one that has changed, and would compile this
/// crate again each time. So a stamp beside the object is watched, which `cargo xtask build` renews
/// with every new object.
fn watch_for(object: &Path) {
    let stamp = object.with_extension("stamp");
    let watched = if stamp.exists() || make_old(&stamp).is_ok() { &stamp } else { object };
    println!("cargo::rerun-if-changed={}", watched.display());
}

/// Makes an empty file that is older than this build: a younger one would have changed since.
fn make_old(stamp: &Path) -> io::Result<()> {
    stamp.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::File::create(stamp)?.set_modified(SystemTime::UNIX_EPOCH)
}
