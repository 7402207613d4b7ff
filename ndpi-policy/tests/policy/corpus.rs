//! The fuzzer's corpus, replayed.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/cases/policy.rs"]
mod case;

#[test]
fn the_corpus_of_the_fuzzer_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/policy");
    let files: Vec<_> = fs::read_dir(&corpus).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 10, "the corpus is in the repository");
    for file in files {
        // Shown where the case panics.
        println!("{}", file.display());
        case::run(&fs::read(&file).unwrap());
    }
}
