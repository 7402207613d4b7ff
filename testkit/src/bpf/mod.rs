//! The `bpf` system call, and programs of a few instructions.

pub mod call;
pub mod code;
