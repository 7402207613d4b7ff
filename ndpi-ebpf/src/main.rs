//! The kernel side: XDP and TC programs over one parser and one decision path.
//!
//! Built for the `bpf` target by `cargo xtask build`. Built for any other target it is a program
//! that only says so. What can be decided without maps and helpers is in `ndpi-common`, where a host
//! tests it.
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch, core_intrinsics))]
#![cfg_attr(target_arch = "bpf", expect(internal_features, reason = "atomics, see `bpf::atomic`"))]
#![cfg_attr(
    target_arch = "bpf",
    expect(clippy::inline_always, reason = "the verifier wants few, shallow subprograms")
)]

#[cfg(target_arch = "bpf")]
mod bpf;

#[cfg(not(target_arch = "bpf"))]
fn main() {
    eprintln!("this is a kernel program; build it for the bpf target with: cargo xtask build");
}
