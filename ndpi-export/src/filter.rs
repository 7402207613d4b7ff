//! Which events an output has.

use ndpi_events::{Event, Kind, Kinds};

/// What an output is asked to have. Of each list that is not empty, one must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Types of records.
    pub(crate) types: Vec<Type>,
    /// Applications, or what carries them, by name.
    pub(crate) apps: Vec<String>,
    /// Actions of the policy.
    pub(crate) actions: Vec<String>,
}

/// A type of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Type(Kind);

impl Type {
    /// The types by name.
    pub(crate) const ALL: [(&'static str, Self); 7] = [
        ("flow", Self(Kind::FlowEnded)),
        ("flow-active", Self(Kind::FlowActive)),
        ("verdict", Self(Kind::Decided)),
        ("flow-update", Self(Kind::FlowUpdated)),
        ("status", Self(Kind::Status)),
        ("reload", Self(Kind::Reloaded)),
        ("warning", Self(Kind::Warning)),
    ];

    /// The type of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, it)| it)
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }

    /// Whether records of this type are made of events of these kinds.
    pub(super) fn is_among(self, kinds: Kinds) -> bool {
        kinds.has(self.0)
    }
}

impl Filter {
    /// The kinds of events that are asked for; `usual` where none is said.
    pub(super) fn kinds(&self, usual: Kinds) -> Kinds {
        if self.types.is_empty() {
            return usual;
        }
        self.types.iter().fold(Kinds::default(), |kinds, it| kinds.or(Kinds::of(&[it.0])))
    }

    /// Whether an event is asked for. What is not about a flow has no application and no action.
    pub(super) fn takes(&self, event: &Event) -> bool {
        if self.apps.is_empty() && self.actions.is_empty() {
            return true;
        }
        let Some(label) = event.label() else { return true };
        let (carrier, app) = label.apps();
        let is_app = |name: &String| {
            [Some(&*label.app), Some(carrier), app]
                .into_iter()
                .flatten()
                .any(|it| it.eq_ignore_ascii_case(name))
        };
        let action = label.action.as_deref();
        (self.apps.is_empty() || self.apps.iter().any(is_app))
            && (self.actions.is_empty() || self.actions.iter().any(|it| action == Some(it)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{blocked_flow, updated, warning};

    #[test]
    fn one_of_each_list_must_fit() {
        let all = |words: &[&str]| words.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let filter = |apps: &[&str], actions: &[&str]| Filter {
            apps: all(apps),
            actions: all(actions),
            ..Filter::default()
        };
        let event = blocked_flow();
        for (apps, actions, fits) in [
            (&[][..], &[][..], true),
            (&["tls"], &[], true),
            (&["facebook"], &["drop"], true),
            (&["TLS.Facebook"], &["count", "drop"], true),
            (&["QUIC"], &["drop"], false),
            (&["TLS"], &["count"], false),
        ] {
            assert_eq!(filter(apps, actions).takes(&event), fits, "{apps:?} {actions:?}");
            assert_eq!(filter(apps, actions).takes(&updated("drop")), fits, "{apps:?} {actions:?}");
        }
        assert!(filter(&["QUIC"], &["drop"]).takes(&warning("not about a flow")));
    }

    #[test]
    fn types_that_are_asked_for_go_before_the_usual_ones() {
        let types = vec![Type::named("status").unwrap(), Type::named("flow").unwrap()];
        let usual = Kinds::of(&[Kind::FlowActive]);
        let filter = Filter { types, ..Filter::default() };
        assert_eq!(filter.kinds(usual), Kinds::of(&[Kind::FlowEnded, Kind::Status]));
        assert_eq!(Filter::default().kinds(usual), usual);
        assert!(Type::named("flows").is_none());
        assert!(Type::ALL.into_iter().all(|(name, it)| it.name() == name));
    }
}
