//! The project's Rust files, read and parsed once for all rules.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;

/// A Rust file.
pub(super) struct Source {
    /// Relative to the checkout.
    pub(super) path: PathBuf,
    pub(super) lines: usize,
    pub(super) ast: syn::File,
}

/// All of them, ordered by path.
pub(super) struct Sources(pub(super) Vec<Source>);

impl Sources {
    /// Reads every `.rs` file of the checkout but those in `target` and hidden folders.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut paths = Vec::new();
        collect(root, &mut paths)?;
        paths.sort();
        paths.iter().map(|path| Source::read(root, path)).collect::<Result<_>>().map(Self)
    }

    /// The files of one crate.
    pub(super) fn of(&self, package: &str) -> impl Iterator<Item = &Source> {
        self.0.iter().filter(move |source| source.path.starts_with(package))
    }
}

impl Source {
    fn read(root: &Path, path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let path = path.strip_prefix(root).unwrap_or(path);
        Self::parse(path, &text).with_context(|| format!("parsing {}", path.display()))
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self> {
        let ast = syn::parse_file(text)?;
        Ok(Self { path: path.to_path_buf(), lines: text.lines().count(), ast })
    }

    /// Whether all of the file is test code.
    pub(super) fn is_test(&self) -> bool {
        self.path.components().any(|part| part.as_os_str() == "tests")
            || self.path.file_stem().is_some_and(|name| name == "tests")
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

/// Whether an item is there for tests only.
pub(super) fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
}

/// Calls `visit` with every token and the one after it, within groups and macros too.
pub(super) fn each_token(
    tokens: impl ToTokens,
    visit: &mut impl FnMut(&TokenTree, Option<&TokenTree>),
) {
    walk(tokens.into_token_stream(), visit);
}

fn walk(tokens: TokenStream, visit: &mut impl FnMut(&TokenTree, Option<&TokenTree>)) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        visit(&token, tokens.peek());
        if let TokenTree::Group(group) = &token {
            walk(group.stream(), visit);
        }
    }
}

/// Sources for the tests of the rules.
#[cfg(test)]
pub(super) fn sources(files: &[(&str, &str)]) -> Sources {
    let parse = |(path, text): &(&str, &str)| Source::parse(Path::new(path), text).unwrap();
    Sources(files.iter().map(parse).collect())
}
