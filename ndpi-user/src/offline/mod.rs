//! Captures without a kernel: from their packets to samples.

pub mod sample;
