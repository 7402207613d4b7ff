//! The marks of a flow that was taken over from an instance which is gone.

use std::sync::Arc;

/// What decided flows of an earlier instance; they share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierRule {
    /// Which of that instance's policies it was.
    pub revision: u32,
    /// The rule's place in it; `None` where a setting decided.
    pub place: Option<u16>,
    /// What the rule was called; `None` where a setting decided.
    pub name: Option<Box<str>>,
    /// It asked for what is not known any more.
    pub rests_on_more: bool,
    /// The bucket that its flows share.
    pub bucket: Option<u32>,
}

/// That a flow was taken over, and from what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// What decided it before.
    pub rule: Arc<EarlierRule>,
    /// The verdict in force rests on what was known then, and is not any more.
    pub rests_on_more: bool,
}
