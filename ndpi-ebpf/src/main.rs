//! The kernel side: XDP and TC programs over one parser and one decision path.
//!
//! Built for the `bpf` target by `cargo xtask build`. Built for any other target it is a program
//! that only says so.
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch, core_intrinsics))]
#![cfg_attr(target_arch = "bpf", expect(internal_features, reason = "atomics, see `atomic`"))]
#![cfg_attr(
    target_arch = "bpf",
    expect(clippy::inline_always, reason = "the verifier wants few, shallow subprograms")
)]

#[cfg(target_arch = "bpf")]
mod atomic;
#[cfg(target_arch = "bpf")]
mod bounds;
#[cfg(target_arch = "bpf")]
mod count;
#[cfg(target_arch = "bpf")]
mod decide;
#[cfg(target_arch = "bpf")]
mod ends;
#[cfg(target_arch = "bpf")]
mod family;
#[cfg(target_arch = "bpf")]
mod forwarded;
mod fragments;
#[cfg(target_arch = "bpf")]
mod frame;
#[cfg(target_arch = "bpf")]
mod general;
#[cfg(target_arch = "bpf")]
mod hook;
#[cfg(target_arch = "bpf")]
mod ingress;
#[cfg(target_arch = "bpf")]
mod limit;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
mod odd;
#[cfg(target_arch = "bpf")]
mod programs;
#[cfg(target_arch = "bpf")]
mod quoted;
#[cfg(target_arch = "bpf")]
mod reopen;
#[cfg(target_arch = "bpf")]
mod seen;
#[cfg(target_arch = "bpf")]
mod servers;
#[cfg(target_arch = "bpf")]
mod settings;
#[cfg(target_arch = "bpf")]
mod show;
#[cfg(target_arch = "bpf")]
mod undecided;

#[cfg(not(target_arch = "bpf"))]
fn main() {
    eprintln!("this is a kernel program; build it for the bpf target with: cargo xtask build");
}
