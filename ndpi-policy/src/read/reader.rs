//! Parts that the readers of single values share.

use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;

use super::exceptions::Exceptions;
use crate::diagnose::{Diagnostics, Place, Problem, SourceId};
use crate::files::ReadList;
use crate::group::{Group, groups};
use crate::support::Support;
use crate::vocabulary::Vocabulary;

/// Reads one policy.
pub(crate) struct Reader<'a> {
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) support: Support,
    pub(crate) read_list: ReadList<'a>,
    pub(crate) diagnostics: Diagnostics,
    /// The exceptions of the lists of one `host`.
    pub(super) exceptions: Exceptions,
    /// Our groups, with what the policy adds, and its own.
    pub(crate) groups: Vec<Arc<Group>>,
    /// The lists read so far, so that one file is one source.
    pub(crate) lists: Vec<(PathBuf, Option<SourceId>)>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        vocabulary: &'a Vocabulary,
        support: Support,
        read_list: ReadList<'a>,
    ) -> Self {
        let diagnostics = Diagnostics::default();
        let (exceptions, lists) = (Exceptions::default(), Vec::new());
        let groups = groups(vocabulary);
        Self { vocabulary, support, read_list, diagnostics, exceptions, groups, lists }
    }

    pub(super) fn report(&mut self, problem: Problem) {
        self.diagnostics.report(problem);
    }
}

/// Where a value of the policy file itself is written.
pub(super) fn here<T>(value: &Spanned<T>) -> Place {
    place(SourceId(0), value.span())
}

pub(super) fn place(source: SourceId, span: std::ops::Range<usize>) -> Place {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Place { source, start: offset(span.start), end: offset(span.end) }
}
