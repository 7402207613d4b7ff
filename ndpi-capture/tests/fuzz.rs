//! The fuzzer's corpora of captures and link layers, replayed: seeds, and whatever once went wrong.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/cases/capture.rs"]
mod capture;
#[path = "../../fuzz/cases/link.rs"]
mod link;

#[test]
fn the_corpus_of_captures_holds() {
    replay("capture", capture::run);
}

#[test]
fn the_corpus_of_link_layers_holds() {
    replay("link", link::run);
}

fn replay(target: &str, run: fn(&[u8])) {
    let files = corpus(target);
    assert!(files.len() >= 10, "the corpus is in the repository");
    for file in files {
        // Shown where the case panics.
        println!("{}", file.display());
        run(&fs::read(&file).expect("a file of the corpus"));
    }
}

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).expect("the corpus is in the repository");
    entries.map(|entry| entry.expect("a file of the corpus").path()).collect()
}
