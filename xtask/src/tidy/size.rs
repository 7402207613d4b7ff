//! Sizes: small files, and functions one can see at a glance.

use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::sources::{Sources, is_cfg_test};

const LONGEST_FILE: usize = 600;
const MEDIAN_FILE: usize = 200;
const LONGEST_FUNCTION: usize = 100;
const FUNCTION_P90: usize = 35;

pub(super) fn check(sources: &Sources) -> Vec<String> {
    let mut findings = files(sources);
    findings.extend(functions(sources));
    findings
}

fn files(sources: &Sources) -> Vec<String> {
    let mut findings: Vec<_> = sources
        .0
        .iter()
        .filter(|source| source.lines > LONGEST_FILE)
        .map(|source| {
            let (path, lines) = (source.path.display(), source.lines);
            format!("{path}: {lines} lines; split it, {LONGEST_FILE} are the limit")
        })
        .collect();
    let median = quantile(sources.0.iter().map(|source| source.lines), 50);
    if median > MEDIAN_FILE {
        findings.push(format!(
            "half of the files are longer than {median} lines; the aim is {MEDIAN_FILE}"
        ));
    }
    findings
}

fn functions(sources: &Sources) -> Vec<String> {
    let (mut findings, mut lengths) = (Vec::new(), Vec::new());
    for source in &sources.0 {
        let mut functions = Functions::default();
        functions.visit_file(&source.ast);
        findings.extend(functions.all.iter().filter_map(|one| one.too_long(&source.path)));
        let counted = functions.all.iter().filter(|one| !one.in_test && !source.is_test());
        lengths.extend(counted.map(|one| one.lines));
    }
    let p90 = quantile(lengths, 90);
    if p90 > FUNCTION_P90 {
        findings.push(format!(
            "a tenth of the functions is longer than {p90} lines; the aim is {FUNCTION_P90}"
        ));
    }
    findings
}

/// The smallest value that `percent` of the values do not exceed.
fn quantile(values: impl IntoIterator<Item = usize>, percent: usize) -> usize {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(0)
}

/// A function: from its signature to its closing brace.
struct Function {
    name: String,
    line: usize,
    lines: usize,
    in_test: bool,
}

impl Function {
    fn too_long(&self, path: &Path) -> Option<String> {
        (self.lines > LONGEST_FUNCTION).then(|| {
            let Self { name, line, lines, .. } = self;
            let path = path.display();
            format!("{path}:{line}: `{name}` has {lines} lines; {LONGEST_FUNCTION} are the limit")
        })
    }
}

#[derive(Default)]
struct Functions {
    all: Vec<Function>,
    /// How many modules for tests we are in.
    test_depth: usize,
}

impl Functions {
    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let line = signature.span().start().line;
        self.all.push(Function {
            name: signature.ident.to_string(),
            line,
            lines: body.span().end().line + 1 - line,
            in_test: self.test_depth > 0,
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let test = usize::from(module.attrs.iter().any(is_cfg_test));
        self.test_depth += test;
        visit::visit_item_mod(self, module);
        self.test_depth -= test;
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sources::sources;
    use super::*;

    fn function(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn long_functions_are_found_wherever_they_are() {
        let long = function(101);
        assert_eq!(check(&sources(&[("a.rs", &function(35))])), [""; 0]);
        for text in [
            long.clone(),
            format!("impl A {{ {long} }}"),
            format!("trait A {{ {long} }}"),
            format!("#[cfg(test)] mod tests {{ {long} }}"),
        ] {
            let found = check(&sources(&[("a.rs", &text)]));
            assert!(found[0].starts_with("a.rs:1: `f` has 101 lines"), "{found:?}");
        }
    }

    #[test]
    fn the_quantile_is_over_what_ships() {
        let (short, long) = (function(5), function(36));
        let found = check(&sources(&[("a.rs", &short), ("b.rs", &long)]));
        assert!(found[0].starts_with("a tenth of the functions is longer than 36"), "{found:?}");
        let test = format!("#[cfg(test)] mod tests {{ {long} }}");
        assert_eq!(check(&sources(&[("a.rs", &short), ("b.rs", &test)])), [""; 0]);
        assert_eq!(check(&sources(&[("a.rs", &short), ("tests/b.rs", &long)])), [""; 0]);
    }

    #[test]
    fn long_files_are_found() {
        let found = check(&sources(&[("a.rs", &"// x\n".repeat(601))]));
        assert_eq!(found.len(), 2, "the file and the median: {found:?}");
        let text = "// x\n".repeat(600);
        assert_eq!(check(&sources(&[("a.rs", &text), ("b.rs", "")])), [""; 0]);
    }

    #[test]
    fn quantiles_are_ranks() {
        assert_eq!(quantile(1..=10, 90), 9);
        assert_eq!(quantile(1..=10, 50), 5);
        assert_eq!(quantile([7], 90), 7);
        assert_eq!(quantile([], 50), 0);
    }
}
