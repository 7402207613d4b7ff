//! The kernel side loaded for real: needs root and the BPF object. Everything happens inside
//! network namespaces that the tests make and remove.

mod adoption;
mod attach;
mod chain;
mod changes;
mod earlier;
mod leftovers;
mod limits;
mod listing;
mod maps;
mod messages;
mod pins;
mod preflight;
mod samples;
mod setup;
mod test_run;
mod vlan;
