//! The names of a crate: which file defines what a path stands for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::Item;

use super::super::sources::{Source, is_cfg_test};
use super::trees::{Leaf, leaves};

/// How many imports of imports are followed: `use a::a` of an outside crate has no end.
const DEEPEST: usize = 12;

/// The modules of a crate.
#[derive(Default)]
pub(super) struct Names(BTreeMap<Vec<String>, Scope>);

/// The names of a module.
#[derive(Default)]
struct Scope {
    file: PathBuf,
    defined: BTreeSet<String>,
    imported: BTreeMap<String, Leaf>,
    /// Modules of which all names are imported.
    globs: Vec<Vec<String>>,
}

/// What a path leads to.
enum Place {
    Module(Vec<String>),
    Item(PathBuf),
    Outside,
}

impl Names {
    pub(super) fn read(files: &BTreeMap<Vec<String>, &Source>) -> Self {
        let mut names = Self::default();
        for (module, source) in files {
            names.add(module, &source.path, &source.ast.items);
        }
        names
    }

    fn add(&mut self, module: &[String], file: &Path, items: &[Item]) {
        self.0.entry(module.to_vec()).or_default().file = file.to_path_buf();
        each_item(module, items, &mut |module, item| {
            let scope = self.0.entry(module.to_vec()).or_default();
            scope.file = file.to_path_buf();
            scope.defined.extend(defined(item));
            for leaf in leaves(item) {
                match &leaf.name {
                    Some(name) => drop(scope.imported.insert(name.clone(), leaf)),
                    None => scope.globs.push(leaf.path),
                }
            }
        });
    }

    /// The file that defines the item that a path in `module` names; `None` for modules, and for
    /// what is not of this crate.
    pub(super) fn file_of(&self, module: &[String], path: &[String]) -> Option<PathBuf> {
        match self.resolve(module, path, DEEPEST) {
            Place::Item(file) => Some(file),
            Place::Module(_) | Place::Outside => None,
        }
    }

    /// The file of the module, or else of the item, all of whose names are imported.
    pub(super) fn file_of_all(&self, module: &[String], path: &[String]) -> Option<PathBuf> {
        match self.resolve(module, path, DEEPEST) {
            Place::Item(file) => Some(file),
            Place::Module(module) => self.0.get(&module).map(|scope| scope.file.clone()),
            Place::Outside => None,
        }
    }

    /// Whether a module shows what it imports by that name.
    pub(super) fn shows(&self, module: &[String], name: &str) -> bool {
        let leaf = self.0.get(module).and_then(|scope| scope.imported.get(name));
        leaf.is_some_and(|leaf| leaf.is_shown)
    }

    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Place {
        let Some((first, rest)) = path.split_first() else { return Place::Outside };
        let mut place = self.member(module, first, depth).unwrap_or(Place::Outside);
        for name in rest {
            let Place::Module(module) = &place else { break };
            let member = self.member(module, name, depth);
            // A macro may have made it.
            place = member.unwrap_or_else(|| match self.0.get(module) {
                Some(scope) => Place::Item(scope.file.clone()),
                None => Place::Outside,
            });
        }
        place
    }

    /// What a name stands for within a module.
    fn member(&self, module: &[String], name: &str, depth: usize) -> Option<Place> {
        let child: Vec<_> = module.iter().cloned().chain([name.to_owned()]).collect();
        let scope = self.0.get(module)?;
        match name {
            "crate" => Some(Place::Module(Vec::new())),
            "self" => Some(Place::Module(module.to_vec())),
            "super" => Some(Place::Module(module.split_last()?.1.to_vec())),
            _ if self.0.contains_key(&child) => Some(Place::Module(child)),
            _ if scope.defined.contains(name) => Some(Place::Item(scope.file.clone())),
            _ => self.imported(module, scope, name, depth.checked_sub(1)?),
        }
    }

    fn imported(
        &self,
        module: &[String],
        scope: &Scope,
        name: &str,
        depth: usize,
    ) -> Option<Place> {
        if let Some(leaf) = scope.imported.get(name) {
            return Some(self.resolve(module, &leaf.path, depth));
        }
        scope.globs.iter().find_map(|glob| match self.resolve(module, glob, depth) {
            Place::Module(all) if all != module => self.member(&all, name, depth),
            _ => None,
        })
    }
}

/// Calls `visit` with each item that is not only for tests, and the module it is in.
pub(super) fn each_item(
    module: &[String],
    items: &[Item],
    visit: &mut impl FnMut(&[String], &Item),
) {
    for item in items.iter().filter(|item| !attributes(item).iter().any(is_cfg_test)) {
        match item {
            Item::Mod(inner) => {
                let name: Vec<_> =
                    module.iter().cloned().chain([inner.ident.to_string()]).collect();
                inner.content.iter().for_each(|(_, items)| each_item(&name, items, visit));
            }
            _ => visit(module, item),
        }
    }
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name that an item defines.
fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// The modules, as files of their own, that are there for tests only.
pub(super) fn for_tests(module: &[String], items: &[Item]) -> Vec<Vec<String>> {
    let modules = items.iter().filter_map(|item| match item {
        Item::Mod(inner) if inner.attrs.iter().any(is_cfg_test) => Some(inner.ident.to_string()),
        _ => None,
    });
    modules.map(|name| module.iter().cloned().chain([name]).collect()).collect()
}
