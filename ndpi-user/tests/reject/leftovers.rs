//! Names for the network's namespaces.

use std::sync::atomic::{AtomicU32, Ordering};

use super::namespace;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A name that no other test uses, whether it runs in this process or in another.
pub(super) fn named(role: &str) -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    namespace::named("test", &format!("{number}-{role}"))
}
