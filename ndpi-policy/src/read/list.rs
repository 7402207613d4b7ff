//! Entries from files: which file, in which format, and the results of its lines.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ndpi_text::shown;
use toml::Spanned;
use toml::de::DeValue;

use super::keys::Keys;
use super::reader::{Reader, here};
use super::words::Meant;
use crate::blocklist::Format;
use crate::diagnose::{Place, Problem, SourceId};
use crate::files::beside;

type Value<'i> = Spanned<DeValue<'i>>;

/// A list as a rule names it.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub(super) source: SourceId,
    pub(super) format: Format,
    /// Whether its names stand for those below them, too.
    pub(super) below: bool,
}

impl Reader<'_> {
    /// An entry written out. One that is meant to name a file gets the way to do so.
    pub(super) fn entry<'v>(
        &mut self,
        key: &str,
        takes: &str,
        value: &'v Value<'_>,
    ) -> Option<&'v str> {
        let text = self.text(key, takes, value)?;
        let Some(path) = looks_like_a_file(text) else { return Some(text) };
        let message = format!("{text:?} looks like a file");
        let help = format!("write `{key} = {{ file = \"{path}\" }}`");
        self.report(Problem::error("file-as-text", here(value), message).help(help));
        None
    }

    /// The list that a table names. Lists of names may say how they are written.
    pub(super) fn list(&mut self, key: &str, value: &Value<'_>, of_names: bool) -> Option<List> {
        let table = value.get_ref().as_table()?;
        let mut keys = Keys::new("a list file", table);
        let file = keys.take("file");
        let (format, below) =
            if of_names { (keys.take("format"), keys.take("below")) } else { (None, None) };
        keys.refuse_others(self);
        let format = format
            .map(|v| self.word("format", &Format::WORDS, Meant::Format, v).map(|at| at.value));
        let below = below.map(|v| self.flag("below", v).map(|at| at.value));
        let Some(file) = file else {
            let message = format!("`{key}` names no file");
            self.report(
                Problem::error("no-file", here(value), message)
                    .help(format!("write `{key} = {{ file = \"…\" }}`")),
            );
            return None;
        };
        let path = self.text("file", "a path", file)?;
        let source = self.list_source(Path::new(path), here(file))?;
        Some(List {
            source,
            format: format.unwrap_or(Some(Format::Any))?,
            below: below.unwrap_or(Some(false))?,
        })
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
}

/// The path in a text that is meant to name a file.
fn looks_like_a_file(text: &str) -> Option<&str> {
    let marked = ["file://", "file:", "@"].iter().find_map(|mark| text.strip_prefix(mark));
    let by_shape = text.starts_with('/') || text.starts_with("./") || text.starts_with("../");
    let by_ending = [".txt", ".list", ".lst", ".csv"].iter().any(|end| text.ends_with(end));
    marked.or((by_shape || by_ending).then_some(text))
}
