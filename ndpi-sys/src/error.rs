//! Why a library was not taken.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use crate::trust::Distrust;
use crate::{LIBRARY_VARIABLE, SONAME, SUPPORTED_REVISION};

/// Why a library was not taken. Each message names the file and what differs. `Debug` gives the same
/// text, for who returns it from `main`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// `dlopen` failed: no such file, not a shared library, or one of *its* libraries is missing.
    #[error("cannot load {}: {reason}", path.display())]
    Open {
        /// The file, or the name given to the loader.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// The file is a shared library but does not export a function that nDPI 5.0 has.
    #[error("{} ({}) lacks the function {symbol}", path.display(), named(revision.as_deref()))]
    Symbol {
        /// The file.
        path: PathBuf,
        /// Its `ndpi_revision()`, where it has one.
        revision: Option<String>,
        /// The symbol's name.
        symbol: &'static str,
    },
    /// Another release of nDPI. Its structures differ, so it cannot be used at all.
    #[error(
        "{} is nDPI {found}, but nDPI {SUPPORTED_REVISION}x is needed: other releases lay out \
         their data differently", path.display()
    )]
    Revision {
        /// The file.
        path: PathBuf,
        /// Its `ndpi_revision()`.
        found: String,
    },
    /// The right release, built so that a flow has another size.
    #[error(
        "{} (nDPI {revision}) keeps {found} bytes per flow where nDPI {SUPPORTED_REVISION}x keeps \
         {expected}: it was built with other options or from other sources", path.display()
    )]
    FlowSize {
        /// The file.
        path: PathBuf,
        /// Its `ndpi_revision()`.
        revision: String,
        /// Bytes per flow that it says.
        found: u32,
        /// Bytes per flow as laid out in [`flow`](crate::flow).
        expected: u32,
    },
    /// The right release, but its dissecting function returns another structure.
    #[error(
        "{} (nDPI {revision}) returns {found} bytes for a packet where nDPI {SUPPORTED_REVISION}x \
         returns {expected}: it was built with other options or from other sources", path.display()
    )]
    ResultSize {
        /// The file.
        path: PathBuf,
        /// Its `ndpi_revision()`.
        revision: String,
        /// Bytes written to the result.
        found: usize,
        /// Bytes that [`types::Protocol`](crate::types::Protocol) has.
        expected: usize,
    },
    /// The right release and sizes, but known packets did not give the known answer.
    #[error("{} (nDPI {revision}) failed the self-test: {what}", path.display())]
    SelfTest {
        /// The file.
        path: PathBuf,
        /// Its `ndpi_revision()`.
        revision: String,
        /// What was looked at, what was expected, what was there.
        what: String,
    },
    /// Memory can only be counted from the first use of nDPI in a process on.
    #[error(
        "the memory of {} cannot be counted: nDPI was used in this process before", path.display()
    )]
    CountedTooLate {
        /// The file.
        path: PathBuf,
    },
    /// The caller of a program with rights of its own names a library.
    #[error(
        "{} is not loaded: this program has rights that its caller lacks (set-user-id or file \
         capabilities), and a library's code would run with them. It takes an installed \
         {SONAME} only; unset {LIBRARY_VARIABLE}, or give the rights to a service \
         (AmbientCapabilities=) in place of the file", path.display()
    )]
    Privileged {
        /// The file.
        path: PathBuf,
    },
    /// A file that nobody named, and that others may have put there.
    #[error(
        "{} is not loaded; if it is meant, name it with {LIBRARY_VARIABLE}", path.display()
    )]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, or with a folder on the way to it.
        source: Distrust,
    },
    /// Nothing usable in any of the places.
    #[error(
        "no usable nDPI {SUPPORTED_REVISION}x ({SONAME}) was found; install it, or set \
         {LIBRARY_VARIABLE} to its path. Tried:{}",
        listed(tried)
    )]
    NotFound {
        /// Why each candidate was not taken, in the order of the search.
        tried: Vec<LoadError>,
    },
}

impl fmt::Debug for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_causes(self, f)
    }
}

/// Writes an error and its causes, a colon before each: what `Debug` is for an error that `main`
/// returns, where the names of fields and variants say nothing to who reads it.
///
/// # Errors
/// What it is written to refuses it.
pub fn write_with_causes(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(f, ": {error}")?;
        cause = error.source();
    }
    Ok(())
}

fn named(revision: Option<&str>) -> String {
    revision.map_or_else(|| "not an nDPI library".to_owned(), |text| format!("nDPI {text}"))
}

fn listed(tried: &[LoadError]) -> String {
    tried.iter().flat_map(|error| ["\n  ".to_owned(), format!("{error:?}")]).collect()
}
