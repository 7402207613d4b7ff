//! The steps that a watch asks for, and their failure.

use crate::interfaces::Event;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::interfaces) enum Step {
    /// Say it.
    Say(Event),
    /// Attach to an interface, and give the result to [`super::Watch::settle`].
    Attach {
        /// Its index.
        index: u32,
    },
    /// Put back what was taken off, and give the result to [`super::Watch::settle`].
    Mend {
        /// Its index.
        index: u32,
    },
    /// Let go of what was on an interface that is gone.
    Release {
        /// Its index.
        index: u32,
    },
    /// Cut the wire that an interface is an end of, which is in another namespace now.
    Cut {
        /// Its index here.
        index: u32,
    },
    /// An interface came up or went down.
    Up {
        /// Its name.
        name: String,
        /// Its index.
        index: u32,
        /// Whether it is up.
        up: bool,
    },
    /// An interface that was away is back with its programs: what belongs to the namespace is to be set
    /// again.
    Rejoin {
        /// Its index.
        index: u32,
    },
}

/// Why programs could not be attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::interfaces) struct Failure {
    /// In words.
    pub(in crate::interfaces) why: String,
    /// Another XDP program is in the way.
    pub(in crate::interfaces) occupied: bool,
}
