//! A page of documentation: its fenced blocks, and writing it back.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A Markdown file of the repository.
pub(crate) struct Page {
    /// Its path from the top of the repository.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// The number of the line with the opening fence.
    pub(crate) line: usize,
    /// The language: the first word behind the opening fence.
    pub(crate) language: &'a str,
    /// What follows it there.
    pub(crate) note: &'a str,
    pub(crate) text: &'a str,
    /// Where the text begins in the page.
    pub(crate) start: usize,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), text }
    }

    /// Its fenced blocks, in their order.
    pub(crate) fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let (mut offset, mut open): (usize, Option<(usize, &str, usize)>) = (0, None);
        for (number, line) in (1..).zip(self.text.split_inclusive('\n')) {
            let start = offset;
            offset += line.len();
            let Some(fence) = line.trim_end().strip_prefix("```") else { continue };
            match open.take() {
                None => open = Some((number, fence, offset)),
                Some((line, info, from)) => {
                    let (language, note) = info.split_once(' ').unwrap_or((info, ""));
                    let (note, text) = (note.trim(), &self.text[from..start]);
                    blocks.push(Block { line, language, note, text, start: from });
                }
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.name);
        blocks
    }

    /// Its text without the fenced blocks.
    pub(crate) fn prose(&self) -> String {
        self.text.split("```").step_by(2).collect()
    }

    /// What stands between the marks `<!-- NAME -->` and `<!-- end of NAME -->`.
    pub(crate) fn generated(&self, name: &str) -> &str {
        let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let between = self.text.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
        between.unwrap_or_else(|| panic!("{} has no {open}", self.name)).0
    }

    /// Fails unless that part is `wanted`; with `UPDATE_DOCS`, writes it there.
    #[track_caller]
    pub(crate) fn holds(&self, name: &str, wanted: &str) {
        let there = self.generated(name);
        if there != wanted && is_updating() {
            let mark = format!("<!-- {name} -->\n");
            let (there, wanted) = (format!("{mark}{there}"), format!("{mark}{wanted}"));
            self.write(&self.text.replacen(&there, &wanted, 1));
            return;
        }
        assert!(
            there == wanted,
            "{}: {name} is not up to date; UPDATE_DOCS=1 writes it",
            self.name
        );
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(path(&self.name), text).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }
}

/// Whether documents are to be written instead of compared.
pub(crate) fn is_updating() -> bool {
    env::var_os("UPDATE_DOCS").is_some_and(|value| !value.is_empty())
}

/// A file by its path from the top of the repository.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

#[test]
fn blocks_are_found_with_their_language_and_note() {
    let text = "# T\n```toml\na = 1\n```\ntext\n```console not run: why\n$ x\n```\n".to_owned();
    let page = Page { name: "page".into(), text };
    let toml = Block { line: 2, language: "toml", note: "", text: "a = 1\n", start: 12 };
    let note = "not run: why";
    let console = Block { line: 6, language: "console", note, text: "$ x\n", start: 51 };
    assert_eq!(page.blocks(), [toml, console]);
}
