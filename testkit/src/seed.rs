//! Inputs of the fuzzer: those that tests make, and all of them replayed.

use std::path::PathBuf;
use std::{env, fs};

use crate::places::checkout;

/// Where the inputs of a fuzz target are.
pub fn corpus(target: &str) -> PathBuf {
    checkout().join("fuzz/corpus").join(target)
}

/// Runs a fuzz target's case on each of its inputs: seeds, and whatever once went wrong.
#[track_caller]
pub fn replay(target: &str, run: impl Fn(&[u8])) {
    let entries = fs::read_dir(corpus(target)).expect("the corpus is in the repository");
    let files: Vec<_> = entries.map(|entry| entry.expect("a file of the corpus").path()).collect();
    assert!(files.len() >= 10, "the corpus is in the repository");
    for file in files {
        // Shown where the case panics.
        println!("{}", file.display());
        run(&fs::read(&file).expect("a file of the corpus"));
    }
}

/// Holds a seed of a fuzz target against what is in the repository; with `UPDATE_SEEDS` set, writes it
/// there.
#[track_caller]
pub fn hold(target: &str, name: &str, bytes: &[u8]) {
    let path = corpus(target).join(name);
    if env::var_os("UPDATE_SEEDS").is_some_and(|value| !value.is_empty()) {
        fs::create_dir_all(corpus(target)).expect("a folder for seeds");
        fs::write(&path, bytes).expect("a file for a seed");
    }
    let there = fs::read(&path).ok();
    assert!(there.as_deref() == Some(bytes), "{}: UPDATE_SEEDS=1 writes it", path.display());
}
