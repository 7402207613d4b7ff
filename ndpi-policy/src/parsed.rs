//! A policy as it was read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::action::{Action, PassOrDrop};
use crate::diagnose::Place;
use crate::group::Group;
use crate::rule::Rule;

/// How much is written in a policy file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Extent {
    /// Nothing.
    Nothing,
    /// Settings alone.
    Settings,
    /// Rules too, be it that there are none.
    Rules,
}

/// A policy file as read, names resolved, not indexed yet.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Parsed {
    pub(crate) rules: Vec<Rule>,
    pub(crate) groups: Vec<Arc<Group>>,
    pub(crate) default: Action,
    /// Where `default` is written.
    pub(crate) default_place: Option<Place>,
    pub(crate) undecided: PassOrDrop,
    /// Whether `undecided` is written.
    pub(crate) says_undecided: bool,
    pub(crate) fragments: PassOrDrop,
    pub(crate) unparsable: PassOrDrop,
    pub(crate) recheck: bool,
    pub(crate) hold: bool,
    pub(crate) extent: Extent,
}
