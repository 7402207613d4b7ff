//! Seeds of the fuzzer, which tests make.

use std::path::PathBuf;
use std::{env, fs};

use crate::places::checkout;

/// Where the inputs of a fuzz target are.
pub fn corpus(target: &str) -> PathBuf {
    checkout().join("fuzz/corpus").join(target)
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
