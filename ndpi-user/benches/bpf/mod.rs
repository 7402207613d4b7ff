//! What benches and tests share: the `bpf` system call, and programs of a few instructions.
#![allow(dead_code, reason = "each is a crate of its own and uses its own part of this")]

pub(crate) mod call;
pub(crate) mod code;
