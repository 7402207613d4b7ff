//! Embeds the object with the BPF programs, where it has been built.
//!
//! `cargo xtask build` compiles it; a plain `cargo build` works without and gives a program that
//! says, when it comes to it, that it holds no programs for the kernel.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Another object to embed than that of `cargo xtask build`.
const OVERRIDE: &str = "NDPI_XDP_OBJECT";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(kernel_object)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={OVERRIDE}");
    let object = env::var_os(OVERRIDE).map_or_else(built_object, PathBuf::from);
    watch(&object);
    if let Ok(object) = object.canonicalize() {
        println!("cargo::rustc-cfg=kernel_object");
        println!("cargo::rustc-env={OVERRIDE}_PATH={}", object.display());
    }
}

fn built_object() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    Path::new(&package).join("../target/bpf/ndpi-xdp.o")
}

/// Asks cargo to run this again when the object changes or appears.
///
/// Cargo takes a watched file that does not exist for one that has changed, and would compile this
/// crate anew each time. So an absent object is watched by way of a stamp beside it, which
/// `cargo xtask build` renews with every new object.
fn watch(object: &Path) {
    if object.exists() {
        println!("cargo::rerun-if-changed={}", object.display());
        return;
    }
    let stamp = object.with_extension("stamp");
    let made = stamp.parent().map_or(Ok(()), fs::create_dir_all);
    if stamp.exists() || made.and_then(|()| fs::write(&stamp, "")).is_ok() {
        println!("cargo::rerun-if-changed={}", stamp.display());
    } else {
        println!("cargo::rerun-if-changed={}", object.display());
    }
}
