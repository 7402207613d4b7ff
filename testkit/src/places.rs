//! Where things are that are not the tests' own.

use std::path::{Path, PathBuf};

use crate::environment::variable;

/// The checkout.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the checkout is around this crate")
}

/// nDPI: what `NDPI_LIBRARY` names, else where `cargo xtask setup` puts it.
pub fn ndpi_library() -> PathBuf {
    let made = || checkout().join("target/ndpi/libndpi.so.5");
    variable("NDPI_LIBRARY").map_or_else(made, PathBuf::from)
}

/// Packages of Python that read what the program writes: what `NDPI_PYTHON` names, else where
/// `cargo xtask setup` puts them.
pub fn python_packages() -> PathBuf {
    let made = || checkout().join("target/python");
    variable("NDPI_PYTHON").map_or_else(made, PathBuf::from)
}

/// nDPI's own test captures and what nDPI says of them: the folder that `NDPI_CORPUS` names, else
/// `../shared/corpus` beside the checkout, with `part` in it. Where there is none, `None` after saying
/// so: it is not in the repository, so CI cannot be asked to have it.
#[track_caller]
pub fn corpus(part: &str) -> Option<PathBuf> {
    let Some(named) = variable("NDPI_CORPUS") else {
        return shared("corpus").filter(|corpus| corpus.join(part).exists());
    };
    let corpus = PathBuf::from(named);
    assert!(corpus.join(part).exists(), "NDPI_CORPUS: there is no {part} in {}", corpus.display());
    Some(corpus)
}

/// Something of the material beside the checkout that is not in the repository; `None`, after saying
/// so, where there is none.
pub fn shared(what: &str) -> Option<PathBuf> {
    let place = checkout().join("../shared").join(what);
    if !place.exists() {
        eprintln!("skipped: there is no {}", place.display());
        return None;
    }
    Some(place)
}
