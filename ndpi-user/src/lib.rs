//! The parts of `ndpi-xdp`: sources of samples, classifier, policy, verdict store, sinks, commands.
