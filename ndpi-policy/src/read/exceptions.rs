//! Exceptions in the lists of a rule. A filter marked `important` holds in spite of an exception, unless that
//! is marked, too (`AdGuard`, "important modifier").

use std::collections::HashMap;

use crate::host::HostPattern;
use crate::rule::At;

/// The exceptions of the lists of one `host`, and what holds in spite of them.
#[derive(Default)]
pub(super) struct Exceptions {
    pub(super) plain: Vec<At<HostPattern>>,
    pub(super) important: Vec<At<HostPattern>>,
    /// Names of the lists, marked `important`.
    pub(super) in_spite: Vec<At<HostPattern>>,
}

impl Exceptions {
    pub(super) fn add(&mut self, more: Self) {
        self.plain.extend(more.plain);
        self.important.extend(more.important);
        self.in_spite.extend(more.in_spite);
    }

    /// The exceptions that hold, and the important names that lie within one of them: those a rule's
    /// `not` cannot take back in.
    pub(super) fn settle(self) -> (Vec<At<HostPattern>>, Vec<At<HostPattern>>) {
        let Self { plain, important, in_spite } = self;
        let by_name: HashMap<_, _> =
            in_spite.iter().map(|at| (at.value.name(), &at.value)).collect();
        let is_overruled = |exception: &HostPattern| {
            upwards(exception.name())
                .filter_map(|name| by_name.get(name))
                .any(|name| covers(name, exception))
        };
        let mut holding: Vec<_> = plain.into_iter().filter(|at| !is_overruled(&at.value)).collect();
        let by_name: HashMap<_, _> =
            holding.iter().map(|at| (at.value.name(), &at.value)).collect();
        let lost = in_spite.iter().filter(|at| {
            let mut above = upwards(at.value.name()).filter_map(|name| by_name.get(name));
            above.any(|exception| covers(exception, &at.value))
        });
        let lost = lost.cloned().collect();
        holding.extend(important);
        (holding, lost)
    }
}

/// A name and all those above it.
fn upwards(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, above)| above))
}

/// Whether a pattern takes every name that another takes, whose name is its own or below it.
fn covers(pattern: &HostPattern, other: &HostPattern) -> bool {
    match pattern {
        HostPattern::Tree(_) | HostPattern::Any => true,
        HostPattern::Exact(_) => pattern == other,
        HostPattern::Below(name) => name != other.name() || matches!(other, HostPattern::Below(_)),
    }
}
