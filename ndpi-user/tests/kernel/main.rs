//! The programs in the kernel, run packet by packet with `BPF_PROG_TEST_RUN`: no interface, no
//! traffic, but the real verifier, the real maps and the real parser in place.
//!
//! Needs root and the built object (`cargo xtask build`). Without, the tests say so and skip; with
//! `CI=true` in the environment that is a failure.

mod cpus;
mod dry_run;
mod errors;
mod evasion;
mod forms;
mod forwarded;
mod fragments;
mod gone;
mod harness;
mod hold;
mod inspected;
mod layer3;
mod limits;
mod link;
mod loader;
mod pools;
mod replay;
mod requests;
mod reuse;
mod segments;
mod sequence;
mod servers;
mod tenants;
mod undecided;
mod unparsable;
mod verdicts;
mod verifier;
