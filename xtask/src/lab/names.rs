//! Names for what a lab makes.

use testkit::namespace;

/// A name for a thing of this process's lab.
pub(super) fn named(what: &str) -> String {
    namespace::named("lab", what)
}
