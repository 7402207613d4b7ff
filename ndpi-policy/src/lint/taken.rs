//! How much an earlier rule takes of one matcher of a later rule.

use super::cover::Pick;
use crate::diagnose::Place;
use crate::rule::Matchers;

/// Asks how much of one matcher of a later rule is taken.
pub(super) type Ask<'r> = Box<dyn Fn(&Matchers) -> Taken + 'r>;

/// How much of a later rule's matcher an earlier rule takes.
pub(super) enum Taken {
    /// The later rule asks nothing here: it takes flows that the earlier one does not.
    Unknown,
    /// Some of the entries, each with the one that takes it.
    Entries { taken: Vec<(Place, Place)>, of: usize },
}

impl Taken {
    /// Higher where more is taken.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Entries { taken, .. } if taken.is_empty() => 1,
            Self::Entries { taken, of } if taken.len() < *of => 2,
            Self::Entries { .. } => 3,
        }
    }
}

/// Asks of each entry of a later rule's matcher what takes it.
pub(super) fn entries_taken<'r, T: 'r>(
    pick: Pick<T>,
    find: impl Fn(&T) -> Option<Place> + 'r,
) -> Ask<'r> {
    Box::new(move |later| match pick(later) {
        None => Taken::Unknown,
        Some(list) => Taken::Entries {
            taken: list.iter().filter_map(|at| Some((at.place, find(&at.value)?))).collect(),
            of: list.len(),
        },
    })
}
