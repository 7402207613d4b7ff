//! Circles: within a crate, no file uses a file that, however far down, uses it.
//!
//! A facade hides nothing here: who names an item that is re-exported uses the file that defines it.
//! Methods are not followed, as that takes types; to call one, a value had to be named somewhere.

mod exceptions;
mod graph;
mod names;
mod tokens;
mod trees;
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::sources::{Source, Sources};
use exceptions::{EXCEPTIONS, Exception};
use graph::Graph;
use names::Names;

pub(super) fn check(sources: &Sources) -> Vec<String> {
    check_but(sources, EXCEPTIONS)
}

fn check_but(sources: &Sources, exceptions: &[Exception]) -> Vec<String> {
    let graphs: Vec<_> = crates(sources).values().map(|files| graph(files)).collect();
    let circles = graphs.iter().flat_map(|graph| {
        let rest = graph.without(|from, to| exceptions.iter().any(|one| one.covers(from, to)));
        rest.circles().iter().map(ToString::to_string).collect::<Vec<_>>()
    });
    let needed = |one: &Exception| {
        let covers = |from: &Path, to: &Path| one.covers(from, to);
        graphs.iter().any(|graph| graph.has_circle_through(covers))
    };
    let stale = exceptions.iter().filter(|one| !needed(one)).map(Exception::stale);
    circles.chain(stale).collect()
}

/// The files of each crate, by module.
fn crates(sources: &Sources) -> BTreeMap<PathBuf, BTreeMap<Vec<String>, &Source>> {
    let mut crates: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    let all: BTreeSet<_> = sources.0.iter().map(|source| source.path.as_path()).collect();
    for source in sources.0.iter().filter(|source| !source.is_test()) {
        if let Some((folder, module)) = place(&source.path, &all) {
            crates.entry(folder).or_default().insert(module, source);
        }
    }
    crates.values_mut().for_each(take_out_tests);
    crates
}

fn take_out_tests(files: &mut BTreeMap<Vec<String>, &Source>) {
    let modules =
        |(module, source): (&Vec<_>, &&Source)| names::for_tests(module, &source.ast.items);
    let tests: Vec<_> = files.iter().flat_map(modules).collect();
    files.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
}

/// The `src` folder and the module of a file; `None` where it is a crate of its own beside a library.
fn place(path: &Path, all: &BTreeSet<&Path>) -> Option<(PathBuf, Vec<String>)> {
    let folder = path.ancestors().find(|folder| folder.ends_with("src"))?;
    let within = path.strip_prefix(folder).ok()?.with_extension("");
    let mut module: Vec<_> =
        within.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let is_beside_library = module == ["main"] && all.contains(folder.join("lib.rs").as_path());
    if is_beside_library || module.first().is_some_and(|first| first == "bin") {
        return None;
    }
    if module.len() == 1 && (module[0] == "lib" || module[0] == "main") {
        module.clear();
    }
    module.pop_if(|last| last == "mod");
    Some((folder.to_path_buf(), module))
}

/// Which file of a crate uses which, and on what line first.
fn graph(files: &BTreeMap<Vec<String>, &Source>) -> Graph {
    let names = Names::read(files);
    let mut graph = Graph::default();
    for (module, source) in files {
        for (path, line) in uses::of(source, module, &names) {
            graph.add(&source.path, &path, line);
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::super::sources::sources;
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check_but(&sources(files), &[])
    }

    const ROOT: (&str, &str) = ("a/src/lib.rs", "mod x; mod y; mod z; pub use y::Y as Shown;");
    const USES_X: (&str, &str) = ("a/src/y.rs", "use crate::x::X;\npub struct Y(X);");

    #[test]
    fn one_way_is_no_circle() {
        assert_eq!(found(&[ROOT, USES_X, ("a/src/x.rs", "pub struct X;")]), [""; 0]);
    }

    #[test]
    fn a_circle_is_found_however_it_is_written() {
        for way in [
            "use crate::y::Y; pub struct X;",
            "use super::y::{self, Y}; pub struct X;",
            "use super::{y::{Y as Other}, z}; pub struct X;",
            "use crate::y::*; pub struct X;",
            "use crate::Shown; pub struct X;",
            "use super::Shown as S; pub struct X;",
            "pub struct X; fn f() { self::super::y::Y; }",
            "pub struct X; fn f() { print!(\"{}\", crate::Shown::new()); }",
            "use super::y as other; pub struct X; fn f(_: other::Y) {}",
            "pub struct X; fn f() { use super::{y}; y::Y::new() }",
            "pub struct X; mod inner { use super::super::y::Y; }",
        ] {
            let circle = found(&[ROOT, USES_X, ("a/src/x.rs", way)]);
            assert_eq!(circle.len(), 1, "{way}: {circle:?}");
            assert!(circle[0].contains("a/src/x.rs:1 uses a/src/y.rs:1"), "{way}: {circle:?}");
        }
    }

    #[test]
    fn a_circle_through_a_chain_of_facades_is_found() {
        let root = ("a/src/lib.rs", "mod p; mod q;");
        let p = ("a/src/p/mod.rs", "mod deep; pub(crate) use deep::*;");
        let deep = ("a/src/p/deep.rs", "pub use crate::q::Q; pub fn f(_: super::super::q::Q) {}");
        let q = ("a/src/q.rs", "use crate::p; pub struct Q; fn g() { p::f(Q) }");
        assert_eq!(found(&[root, p, deep, q]).len(), 1);
    }

    #[test]
    fn a_child_may_use_its_parent_where_the_parent_only_shows_the_child() {
        let child = ("a/src/p/c.rs", "use super::Base; pub struct C(Base);");
        let shows = ("a/src/p/mod.rs", "mod c; pub use c::C; pub struct Base;");
        assert_eq!(found(&[("a/src/lib.rs", "mod p;"), shows, child]), [""; 0]);
        for uses in ["pub use c::C; fn f(_: C) {}", "use c::C;", "fn f() { c::C::new() }"] {
            let text = format!("mod c; pub struct Base; {uses}");
            let circle = found(&[("a/src/lib.rs", "mod p;"), ("a/src/p/mod.rs", &text), child]);
            assert_eq!(circle.len(), 1, "{uses}");
        }
    }

    #[test]
    fn tests_names_from_outside_and_other_crates_do_not_count() {
        for text in [
            "pub struct X; #[cfg(test)] mod tests { use crate::y::Y; }",
            "pub struct X; #[cfg(test)] fn f(_: crate::y::Y) {}",
            "pub struct X; impl X { #[cfg(test)] fn f(_: crate::y::Y) {} fn g() {} }",
            "pub struct X; use y::Y;",
            "pub struct X; use ::y::Y; use std::fmt;",
            "/// See [`crate::y::Y`].\npub struct X; // crate::y::Y",
        ] {
            assert_eq!(found(&[ROOT, USES_X, ("a/src/x.rs", text)]), [""; 0], "{text}");
        }
        let root = ("a/src/lib.rs", "#[cfg(test)] mod x; mod y;");
        assert_eq!(
            found(&[root, USES_X, ("a/src/x.rs", "use crate::y::Y; pub struct X;")]),
            [""; 0]
        );
        let other = ("b/src/x.rs", "use crate::y::Y;");
        assert_eq!(found(&[ROOT, USES_X, ("a/src/x.rs", "pub struct X;"), other]), [""; 0]);
    }

    #[test]
    fn what_a_parent_imports_is_not_the_parents() {
        let root = ("a/src/lib.rs", "mod x; mod y; use std::fmt; use y::Y; fn f() { x::g(); }");
        let x = ("a/src/x.rs", "use super::{fmt, Y}; pub fn g() {}");
        assert_eq!(found(&[root, x, ("a/src/y.rs", "pub struct Y;")]), [""; 0]);
    }

    #[test]
    fn the_shortest_circle_is_shown() {
        let root = ("a/src/lib.rs", "mod x; mod y; mod z;");
        let x = ("a/src/x.rs", "\nuse crate::y::Y;\npub struct X;");
        let y = ("a/src/y.rs", "use crate::z::Z; use crate::x::X; pub struct Y;");
        let z = ("a/src/z.rs", "use crate::x::X; pub struct Z;");
        let circle = found(&[root, x, y, z]);
        assert_eq!(circle.len(), 1);
        assert!(circle[0].contains("a/src/x.rs:2 uses a/src/y.rs:1 uses a/src/x.rs"), "{circle:?}");
        assert!(circle[0].contains("3 files"), "{circle:?}");
    }

    #[test]
    fn an_exception_holds_as_long_as_it_is_needed() {
        let exception = Exception { user: "a/src/y.rs", used: "a/src/x.rs", why: "a test" };
        let circle = [ROOT, USES_X, ("a/src/x.rs", "use crate::y::Y; pub struct X;")];
        assert_eq!(check_but(&sources(&circle), &[exception]), [""; 0]);
        let none = [ROOT, USES_X, ("a/src/x.rs", "pub struct X;")];
        let stale = check_but(&sources(&none), &[exception]);
        assert!(stale[0].contains("no circle"), "{stale:?}");
    }
}
