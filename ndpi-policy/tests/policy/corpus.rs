//! The fuzzer's corpus, replayed.

use testkit::seed;

#[path = "../../../fuzz/cases/policy.rs"]
mod case;

#[test]
fn the_corpus_of_the_fuzzer_holds() {
    seed::replay("policy", case::run);
}
