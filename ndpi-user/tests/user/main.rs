//! Tests that take no privileges: captures through the program, nDPI's own corpus, and the fuzzer's.

mod corpus;
mod fuzz;
mod pcap;

use ndpi::Library;
use testkit::needs;

/// Whether nDPI is there; says why the test is skipped if not. In CI it must be.
fn ndpi_is_there() -> bool {
    needs(Library::load(None)).is_some()
}
