//! Circles that stay, and why.

use std::path::Path;

/// A use that does not count.
#[derive(Clone, Copy)]
pub(super) struct Exception {
    /// A file, or a folder for all files in it.
    pub(super) user: &'static str,
    pub(super) used: &'static str,
    pub(super) why: &'static str,
}

impl Exception {
    pub(super) fn covers(&self, user: &Path, used: &Path) -> bool {
        user.starts_with(self.user) && used.starts_with(self.used)
    }

    /// What to say where there is nothing to except.
    pub(super) fn stale(&self) -> String {
        let Self { user, used, why } = self;
        format!(
            "{user}: no circle goes through its use of {used} (\"{why}\"); take the exception out"
        )
    }
}

pub(super) const EXCEPTIONS: &[Exception] = &[
    Exception {
        user: "ndpi/src/library.rs",
        used: "ndpi/src/engine",
        why: "a library makes engines, which keep it loaded; `library.engine()` is how one asks for them",
    },
    Exception {
        user: "ndpi/src/library.rs",
        used: "ndpi/src/shared.rs",
        why: "a library makes shared caches, which keep it loaded",
    },
    Exception {
        user: "ndpi/src/engine/mod.rs",
        used: "ndpi/src/flow",
        why: "an engine makes flows and classifies them; a flow keeps its engine",
    },
    Exception {
        user: "ndpi/src/shared.rs",
        used: "ndpi/src/engine",
        why: "shared caches make engines, which keep them alive",
    },
    Exception {
        user: "ndpi-common/src/parse/packet.rs",
        used: "ndpi-common/src/fragment.rs",
        why: "the ports of a datagram are taken from the packet of its first fragment, and given to later ones",
    },
    Exception {
        user: "ndpi-common/src/parse",
        used: "ndpi-common/src/parse/mod.rs",
        why: "the layers share the options of whoever asks, and a tunnel's packet is parsed from the start",
    },
    Exception {
        user: "ndpi-common/src/parse/packet.rs",
        used: "ndpi-common/src/parse",
        why: "a packet holds its tags and its tunnel, and the layers that read those give refusals of a packet",
    },
];
