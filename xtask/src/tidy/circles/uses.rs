//! The files that a file uses.

use std::path::PathBuf;

use quote::ToTokens;
use syn::Item;

use super::super::sources::Source;
use super::names::{Names, each_item};
use super::tokens::{Written, paths};
use super::trees::{Leaf, leaves};

/// Each file that is used, with the line.
pub(super) fn of(source: &Source, module: &[String], names: &Names) -> Vec<(PathBuf, usize)> {
    let mut used = Vec::new();
    each_item(module, &source.ast.items, &mut |module, item| {
        let imports = leaves(item);
        let imports = imports.iter().filter(|leaf| !leaf.is_shown);
        used.extend(imports.filter_map(|leaf| imported(leaf, module, names)));
        if !matches!(item, Item::Use(_)) {
            let written = paths(item.to_token_stream());
            used.extend(written.iter().filter_map(|path| named(path, module, names)));
        }
    });
    used
}

fn imported(leaf: &Leaf, module: &[String], names: &Names) -> Option<(PathBuf, usize)> {
    let file = match leaf.name {
        Some(_) => names.file_of(module, &leaf.path),
        None => names.file_of_all(module, &leaf.path),
    };
    Some((file?, leaf.line))
}

fn named(written: &Written, module: &[String], names: &Names) -> Option<(PathBuf, usize)> {
    if let [name] = &written.path[..] {
        // A single word may be a variable or a field; what is imported counted at its `use`.
        let is_type = name.starts_with(char::is_uppercase);
        if !names.shows(module, name) || !(is_type || written.is_called) {
            return None;
        }
    }
    Some((names.file_of(module, &written.path)?, written.line))
}
