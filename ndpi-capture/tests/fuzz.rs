//! The fuzzer's corpora of captures and link layers, replayed: seeds, and whatever once went wrong.

use testkit::seed;

#[path = "../../fuzz/cases/capture.rs"]
mod capture;
#[path = "../../fuzz/cases/link.rs"]
mod link;

#[test]
fn the_corpus_of_captures_holds() {
    seed::replay("capture", capture::run);
}

#[test]
fn the_corpus_of_link_layers_holds() {
    seed::replay("link", link::run);
}
