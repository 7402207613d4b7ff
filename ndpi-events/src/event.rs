//! The events.

use serde::{Deserialize, Serialize};

use crate::{Decided, FlowActive, FlowEnded, FlowUpdated, Label, Reloaded, Status, Warning};

/// Something finished that subscribers receive. Written by serde it is the record of docs/records.md, with
/// the tag `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Event {
    /// A flow was decided, and its verdict stands.
    #[serde(rename = "verdict")]
    Decided(Decided),
    /// Something else holds of a flow that goes on.
    #[serde(rename = "flow-update")]
    FlowUpdated(FlowUpdated),
    /// A flow goes on.
    #[serde(rename = "flow-active")]
    FlowActive(FlowActive),
    /// A flow is over.
    #[serde(rename = "flow")]
    FlowEnded(FlowEnded),
    /// Something changed about what is enforced, where, and how well.
    #[serde(rename = "status")]
    Status(Status),
    /// A policy was read again.
    #[serde(rename = "reload")]
    Reloaded(Reloaded),
    /// Something that whoever operates it should know of, and that has no state.
    #[serde(rename = "warning")]
    Warning(Warning),
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Event::Decided`].
    Decided,
    /// [`Event::FlowUpdated`].
    FlowUpdated,
    /// [`Event::FlowActive`].
    FlowActive,
    /// [`Event::FlowEnded`].
    FlowEnded,
    /// [`Event::Status`].
    Status,
    /// [`Event::Reloaded`].
    Reloaded,
    /// [`Event::Warning`].
    Warning,
}

impl Event {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Decided(_) => Kind::Decided,
            Self::FlowUpdated(_) => Kind::FlowUpdated,
            Self::FlowActive(_) => Kind::FlowActive,
            Self::FlowEnded(_) => Kind::FlowEnded,
            Self::Status(_) => Kind::Status,
            Self::Reloaded(_) => Kind::Reloaded,
            Self::Warning(_) => Kind::Warning,
        }
    }

    /// What it is called: the type of its record, of statuses the state, and of warnings what they are about.
    pub fn name(&self) -> &str {
        match self {
            Self::Decided(_) => "verdict",
            Self::FlowUpdated(_) => "flow-update",
            Self::FlowActive(_) => "flow-active",
            Self::FlowEnded(_) => "flow",
            Self::Status(status) => status.name(),
            Self::Reloaded(_) => "reload",
            Self::Warning(warning) => &warning.about,
        }
    }

    /// The interface that it is about, if it is about one.
    pub fn interface(&self) -> Option<&str> {
        match self {
            Self::Decided(it) => it.ends.iface.as_deref(),
            Self::FlowUpdated(it) => it.ends.iface.as_deref(),
            Self::FlowActive(it) => it.ends.iface.as_deref(),
            Self::FlowEnded(it) => it.ends.iface.as_deref(),
            Self::Status(status) => status.interface(),
            Self::Reloaded(_) | Self::Warning(_) => None,
        }
    }

    /// What nDPI and the policy said of the flow that it is about; `None` where it is about none.
    pub fn label(&self) -> Option<&Label> {
        match self {
            Self::Decided(it) => Some(&it.label),
            Self::FlowUpdated(it) => Some(&it.label),
            Self::FlowActive(it) => Some(&it.label),
            Self::FlowEnded(it) => Some(&it.label),
            Self::Status(_) | Self::Reloaded(_) | Self::Warning(_) => None,
        }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// All kinds.
    pub const ALL: Self = Self(u8::MAX);

    /// These kinds.
    pub const fn of(kinds: &[Kind]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < kinds.len() {
            bits |= 1 << kinds[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Whether `kind` is among them.
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// These and those.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
