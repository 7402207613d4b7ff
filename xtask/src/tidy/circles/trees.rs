//! `use` declarations, taken apart, and the items that are not for tests only.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{ItemUse, UseTree, Visibility};

use super::super::sources::is_cfg_test;

/// One name that a `use` brings in.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    /// What it is called here; `None` for all names there are.
    pub(super) name: Option<String>,
    pub(super) line: usize,
    /// Whether it is shown to others as well.
    pub(super) is_shown: bool,
}

/// What all `use` within an item bring in, those in the bodies of functions too.
pub(super) fn leaves(item: &syn::Item) -> Vec<Leaf> {
    let mut found = Found::default();
    found.visit_item(item);
    found.0
}

#[derive(Default)]
struct Found(Vec<Leaf>);

impl Found {
    fn walk(&mut self, tree: &UseTree, before: &[String], is_shown: bool) {
        match tree {
            UseTree::Path(path) => {
                self.walk(&path.tree, &joined(before, &path.ident), is_shown);
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.walk(tree, before, is_shown));
            }
            UseTree::Name(name) => self.add(before, &name.ident, None, is_shown),
            UseTree::Rename(name) => {
                self.add(before, &name.ident, Some(name.rename.to_string()), is_shown);
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.0.push(Leaf { path: before.to_vec(), name: None, line, is_shown });
            }
        }
    }

    fn add(&mut self, before: &[String], last: &Ident, name: Option<String>, is_shown: bool) {
        let path = if last == "self" { before.to_vec() } else { joined(before, last) };
        let name = name.or_else(|| path.last().cloned());
        self.0.push(Leaf { path, name, line: last.span().start().line, is_shown });
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() && !item.attrs.iter().any(is_cfg_test) {
            self.walk(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !function.attrs.iter().any(is_cfg_test) {
            visit::visit_impl_item_fn(self, function);
        }
    }
}

fn joined(before: &[String], last: &Ident) -> Vec<String> {
    before.iter().cloned().chain([last.to_string()]).collect()
}
