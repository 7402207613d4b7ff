//! Says to the program which compiler compiled it. Cargo runs this again for another compiler.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().map(|output| output.stdout);
    let version = version.unwrap_or_default();
    // `rustc 1.95.0 (59807616e 2026-04-14)`
    let version = String::from_utf8_lossy(&version);
    let release = version.split_whitespace().nth(1).unwrap_or_default();
    println!("cargo:rustc-env=RUST_RELEASE={}", release);
}
