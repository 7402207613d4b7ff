//! The program in networks of its own: real sockets and interfaces, in network namespaces that each
//! test makes and removes. Needs root.
//!
//! Tests of one subject: `cargo test -p ndpi-user --test network reload::`. They run side by side, and
//! wait for conditions, never for time.

mod adopted;
mod allow_list;
// These take longest, and so begin early.
mod browsing;
mod client;
mod conditions;
mod counted;
mod devices;
mod dry_run;
mod examples;
mod family;
mod findings;
mod first_packet;
mod fleet;
mod flows;
mod fragments;
mod headers;
mod hold;
mod instances;
mod interfaces;
mod journal;
mod killed;
mod later_requests;
mod living;
mod losses;
mod metrics;
mod nats;
mod ndpi_process;
mod outlive;
mod outputs;
mod parquet;
mod peers;
mod policies;
mod policy_reader;
mod privileges;
mod receiver;
mod reject;
mod release;
mod reload;
mod status;
mod streams;
mod talk;
mod tenants;
mod verdicts;

use ndpi_kernel::object::kernel_object;

/// Whether these tests can run: as root, with these programs of the distribution, nDPI, and an
/// `ndpi-xdp` with its BPF programs. If not, says why; in CI that is a failure.
fn ready(programs: &[&str]) -> bool {
    testkit::program::ready(programs, kernel_object())
}
