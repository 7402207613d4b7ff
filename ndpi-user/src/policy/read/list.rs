//! Entries from files: one a line, `#` begins a comment.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeValue;

use super::keys::Keys;
use super::{Reader, here, place};
use crate::policy::load::beside;
use crate::policy::{At, Place, Problem, Severity, SourceId};
use crate::text::shown;

/// How many problems of one list are shown.
const MAX_PROBLEMS: usize = 10;

type Value<'i> = Spanned<DeValue<'i>>;
type Entry<R, T> = fn(&mut R, &str, Place) -> Option<At<T>>;

impl Reader<'_> {
    /// An entry written out, or a file of entries.
    pub(super) fn text_or_file<T>(
        &mut self,
        key: &str,
        takes: &str,
        value: &Value<'_>,
        entry: Entry<Self, T>,
    ) -> Vec<At<T>> {
        if value.get_ref().as_table().is_some() {
            return self.file(key, value, entry);
        }
        let Some(text) = self.text(key, takes, value) else { return Vec::new() };
        if let Some(path) = looks_like_a_file(text) {
            let message = format!("{text:?} looks like a file");
            let help = format!("write `{key} = {{ file = \"{path}\" }}`");
            self.report(Problem::error("file-as-text", here(value), message).help(help));
            return Vec::new();
        }
        entry(self, text, here(value)).into_iter().collect()
    }

    fn file<T>(&mut self, key: &str, value: &Value<'_>, entry: Entry<Self, T>) -> Vec<At<T>> {
        let Some(table) = value.get_ref().as_table() else { return Vec::new() };
        let mut keys = Keys::new("a list file", table);
        let file = keys.take("file");
        keys.refuse_others(self);
        let Some(file) = file else {
            let message = format!("`{key}` names no file");
            self.report(
                Problem::error("no-file", here(value), message)
                    .help(format!("write `{key} = {{ file = \"…\" }}`")),
            );
            return Vec::new();
        };
        let Some(path) = self.text("file", "a path", file) else { return Vec::new() };
        let Some(source) = self.list_source(Path::new(path), here(file)) else { return Vec::new() };
        self.lines(source, entry)
    }

    /// The source of a list, read once however many rules name it.
    fn list_source(&mut self, path: &Path, named_at: Place) -> Option<SourceId> {
        if let Some((_, source)) = self.lists.iter().find(|(known, _)| known == path) {
            return *source;
        }
        let file = beside(self.diagnostics.path(SourceId(0)), path);
        let source = match (self.read_list)(path) {
            Ok(text) => Some(self.diagnostics.add_source(&file, text)),
            Err(error) => {
                let message = format!("cannot read {}: {error}", shown(&file));
                let problem = Problem::error("list-file", named_at, message);
                self.report(match error.kind() {
                    ErrorKind::NotFound => {
                        problem.help("paths are relative to the folder of the policy")
                    }
                    _ => problem,
                });
                None
            }
        };
        self.lists.push((PathBuf::from(path), source));
        source
    }

    fn lines<T>(&mut self, source: SourceId, entry: Entry<Self, T>) -> Vec<At<T>> {
        // Lists may be large: the text is borrowed for a while, not copied.
        let text = self.diagnostics.lend_text(source);
        let problems_before = self.diagnostics.problems().len();
        let mut entries = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let content = line.split('#').next().unwrap_or_default();
            let trimmed = content.trim();
            if !trimmed.is_empty() {
                let at = start + (content.len() - content.trim_start().len());
                entries.extend(entry(self, trimmed, place(source, at..at + trimmed.len())));
            }
            start += line.len();
        }
        self.diagnostics.return_text(source, text);
        self.shorten(problems_before, source);
        entries
    }
}

impl Reader<'_> {
    /// Keeps the first few of a list's problems: a list in another format is wrong in every line.
    fn shorten(&mut self, before: usize, source: SourceId) {
        let left_out = self.diagnostics.problems().len().saturating_sub(before + MAX_PROBLEMS);
        if left_out == 0 {
            return;
        }
        let rest = self.diagnostics.truncate(before + MAX_PROBLEMS);
        let worst = rest.iter().map(|problem| problem.severity).min().unwrap_or(Severity::Warning);
        let end = self.diagnostics.text(source).len();
        let place =
            rest.first().and_then(|problem| problem.place).unwrap_or(place(source, end..end));
        self.report(Problem {
            severity: worst,
            ..Problem::error("more", place, format!("{left_out} more problems in this list"))
        });
    }
}

/// The path in a text that is meant to name a file.
fn looks_like_a_file(text: &str) -> Option<&str> {
    let marked = ["file://", "file:", "@"].iter().find_map(|mark| text.strip_prefix(mark));
    let by_shape = text.starts_with('/') || text.starts_with("./") || text.starts_with("../");
    let by_ending = [".txt", ".list", ".lst", ".csv"].iter().any(|end| text.ends_with(end));
    marked.or((by_shape || by_ending).then_some(text))
}
