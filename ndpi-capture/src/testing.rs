//! What unit tests share.

use std::path::Path;

/// Holds a seed of the fuzzer against what is in the repository; with `UPDATE_SEEDS` set, writes it
/// there.
pub(crate) fn seed(target: &str, name: &str, bytes: &[u8]) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let path = corpus.join(name);
    if std::env::var_os("UPDATE_SEEDS").is_some_and(|value| !value.is_empty()) {
        std::fs::create_dir_all(&corpus).expect("a folder for seeds");
        std::fs::write(&path, bytes).expect("a file for a seed");
    }
    let there = std::fs::read(&path).ok();
    assert!(there.as_deref() == Some(bytes), "{}: UPDATE_SEEDS=1 writes it", path.display());
}
