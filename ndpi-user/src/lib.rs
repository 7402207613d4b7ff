//! The parts of `ndpi-xdp`: sources of samples, classifier, policy, verdict store, sinks, commands.

pub mod classify;
pub mod flow;
pub mod sample;
pub mod verdict;
