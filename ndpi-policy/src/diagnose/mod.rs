//! Problems of a policy, each with its place, reason and next step.

mod json;
mod render;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use ndpi_text::shown;
use serde::{Deserialize, Serialize};

use crate::any_path::AnyPath;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// The policy cannot be used.
    Error,
    /// The policy can be used, and probably does not do what was meant.
    Warning,
    /// The policy may well do what was meant; who meant something else writes it otherwise.
    Hint,
}

/// A file of the policy: 0 is the policy itself, the others are its lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceId(pub u32);

/// Bytes of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// A word for the kind of problem, for programs: it stays the same between versions.
    pub code: Cow<'static, str>,
    /// What is wrong.
    pub message: String,
    /// Where; `None` only where a file could not be read at all.
    pub place: Option<Place>,
    /// What to do next.
    pub help: Option<String>,
    /// Another place that explains it, and how.
    pub related: Option<(Place, String)>,
}

impl Problem {
    /// Something that makes the policy unusable.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, Some(place), &message.into())
    }

    /// Something that is probably not what was meant.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, Some(place), &message.into())
    }

    /// Something that may not be what was meant.
    pub fn hint(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Hint, code, Some(place), &message.into())
    }

    /// A file that could not be read at all.
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, "unreadable", None, &message.into())
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(ndpi_text::message(&help.into()).to_string());
        self
    }

    /// Points at another place that explains it.
    #[must_use]
    pub fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related = Some((place, label.into()));
        self
    }

    fn new(
        severity: Severity,
        code: impl Into<Cow<'static, str>>,
        place: Option<Place>,
        message: &str,
    ) -> Self {
        // Quotes what was found, which may be anything.
        let message = ndpi_text::message(message).to_string();
        Self { severity, code: code.into(), message, place, help: None, related: None }
    }
}

/// The files of a policy and everything found wrong in them. As an error, it prints all problems
/// with the lines they are in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Diagnostics {
    /// Whether the policy's text came from whoever is to see the problems.
    given: bool,
    sources: Vec<Source>,
    problems: Vec<Problem>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Source {
    path: AnyPath,
    /// Whoever takes it over has the file itself.
    #[serde(skip)]
    text: String,
    /// Where each line starts.
    #[serde(skip)]
    lines: Vec<usize>,
}

impl Source {
    fn find_lines(&mut self) {
        let newlines = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        self.lines = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
    }
}

impl Diagnostics {
    /// Adds a file whose text problems can point into.
    ///
    /// # Panics
    /// If there are 4 billion of them.
    pub fn add_source(&mut self, path: &Path, text: String) -> SourceId {
        let mut source = Source { path: AnyPath(path.to_owned()), text, lines: Vec::new() };
        source.find_lines();
        self.sources.push(source);
        SourceId(u32::try_from(self.sources.len() - 1).expect("fewer sources than 4 billion"))
    }

    /// The text of a source.
    pub fn text(&self, source: SourceId) -> &str {
        &self.sources[source.0 as usize].text
    }

    /// Takes the text of a source out until [`Diagnostics::return_text`]: whoever reads it reports
    /// problems meanwhile.
    pub(super) fn lend_text(&mut self, source: SourceId) -> String {
        std::mem::take(&mut self.sources[source.0 as usize].text)
    }

    /// Puts a text back that was taken out.
    pub(super) fn return_text(&mut self, source: SourceId, text: String) {
        self.sources[source.0 as usize].text = text;
    }

    /// The path of a source, as it was given.
    pub fn path(&self, source: SourceId) -> &Path {
        &self.sources[source.0 as usize].path.0
    }

    pub(super) fn set_given(&mut self) {
        self.given = true;
    }

    /// Every file that was read, the policy first.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|source| source.path.0.as_path())
    }

    /// The lists that were read, each with its text.
    pub(super) fn lists(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.sources.iter().skip(1).map(|source| (source.path.0.as_path(), source.text.as_str()))
    }

    /// Adds a problem.
    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Takes in the texts of the files, which are not handed from one process to another; whether all are there, and all
    /// places are in them, between characters.
    pub(super) fn complete(&mut self, text_of: impl Fn(&Path, SourceId) -> Option<String>) -> bool {
        for (source, id) in self.sources.iter_mut().zip(0..) {
            let Some(text) = text_of(&source.path.0, SourceId(id)) else { return false };
            source.text = text;
            source.find_lines();
        }
        self.problems.iter().all(|problem| {
            let related = problem.related.as_ref().map(|(place, _)| *place);
            problem.place.into_iter().chain(related).all(|place| self.has(place))
        })
    }

    /// Whether a place is in one of the files, between characters.
    pub(super) fn has(&self, place: Place) -> bool {
        let source = self.sources.get(place.source.0 as usize);
        source.is_some_and(|it| it.text.get(place.start as usize..place.end as usize).is_some())
    }

    /// The problems, to be changed.
    pub(super) fn problems_mut(&mut self) -> &mut [Problem] {
        &mut self.problems
    }

    /// The problems, in the order of their places.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Of problems in private files, leaves where they are and of what kind, and says `help`. A text that
    /// came from whoever is to see the problems is not private.
    #[must_use]
    pub fn without_lines(mut self, help: &str, is_private: impl Fn(&Path) -> bool) -> Self {
        let is_given = |place: Place| self.given && place.source == SourceId(0);
        let is_private = |place: Place| !is_given(place) && is_private(self.path(place.source));
        let redacted = |problem: &Problem| {
            let place = problem.place?;
            let related = problem.related.as_ref().is_some_and(|(there, _)| is_private(*there));
            (related || is_private(place)).then(|| {
                let (line, column) = self.line_column(place);
                let (path, code) = (shown(self.path(place.source)), &problem.code);
                let message = format!("{path}:{line}:{column}: {code}");
                Problem::new(problem.severity, code.clone(), None, &message).help(help)
            })
        };
        let problems = self.problems.iter();
        self.problems = problems.map(|it| redacted(it).unwrap_or_else(|| it.clone())).collect();
        self
    }

    /// Whether there is nothing but hints.
    pub fn is_clean(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity == Severity::Hint)
    }

    /// Whether any problem makes the policy unusable.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Puts the problems into the order of the files, each once.
    pub fn sort(&mut self) {
        self.problems.sort_by_key(|problem| problem.place);
        self.problems.dedup();
    }

    /// Line and column of a place's start, both counted from 1, the column in characters.
    pub fn line_column(&self, place: Place) -> (usize, usize) {
        let start = place.start as usize;
        let (line, line_start) = self.line(place.source, start);
        (line, self.text(place.source)[line_start..start].chars().count() + 1)
    }

    /// The line of an offset, counted from 1, and where it starts.
    fn line(&self, source: SourceId, offset: usize) -> (usize, usize) {
        let lines = &self.sources[source.0 as usize].lines;
        let line = lines.partition_point(|start| *start <= offset);
        (line, lines[line - 1])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.sources.first().map_or(Path::new(""), |source| &source.path.0);
        if !self.sources.is_empty() {
            write!(f, "the policy {} cannot be used\n\n", shown(path))?;
        }
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}
