//! The vocabulary that the kernel side and the user side share.
//!
//! Everything here is `repr(C)`, made of integers and byte arrays, without implicit padding, and
//! asserted at compile time beside its definition: these types cross the border between the BPF
//! programs, the maps that `bpftool` prints and the user-space program.
#![no_std]

mod key;

pub use key::{Direction, KeyV4, KeyV6};
