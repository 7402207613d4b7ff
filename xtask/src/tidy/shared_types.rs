//! Rules for the types that are shared with the kernel.
//!
//! A `bool`, an `Option` or an enum has values that are not allowed, which memory written by the
//! other side may hold; `usize` and pointers have a size that depends on the side.

use proc_macro2::TokenTree;
use syn::Fields;
use syn::visit::{self, Visit};

use super::sources::{Source, Sources, each_token};

const REFUSED: [&str; 6] = ["bool", "char", "usize", "isize", "Option", "Box"];

pub(super) fn check(sources: &Sources) -> Vec<String> {
    sources.of("ndpi-common").flat_map(check_file).collect()
}

fn check_file(source: &Source) -> Vec<String> {
    let mut structs = Shared::default();
    structs.visit_file(&source.ast);
    let path = source.path.display();
    structs.findings.iter().map(|finding| format!("{path}:{finding}")).collect()
}

/// Whether a type's layout is C's.
pub(super) fn is_repr_c(attributes: &[syn::Attribute]) -> bool {
    let mut found = false;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        each_token(&attribute.meta, &mut |token, _| {
            found |= matches!(token, TokenTree::Ident(word) if word == "C");
        });
    }
    found
}

#[derive(Default)]
struct Shared {
    findings: Vec<String>,
}

impl Shared {
    fn check_field(&mut self, name: &str, field: &syn::Field) {
        let line = field.ty.span_line();
        each_token(&field.ty, &mut |token, _| {
            let bad = match token {
                TokenTree::Ident(word) if REFUSED.iter().any(|refused| word == refused) => {
                    word.to_string()
                }
                TokenTree::Punct(mark) if matches!(mark.as_char(), '*' | '&') => {
                    "a pointer".to_owned()
                }
                _ => return,
            };
            self.findings.push(format!(
                "{line}: a field of `{name}` holds {bad}; shared types hold integers and byte \
                 arrays only"
            ));
        });
    }
}

impl<'ast> Visit<'ast> for Shared {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        if is_repr_c(&item.attrs) && !matches!(item.fields, Fields::Unit) {
            let name = item.ident.to_string();
            item.fields.iter().for_each(|field| self.check_field(&name, field));
        }
        visit::visit_item_struct(self, item);
    }
}

/// The line a piece of source starts on.
trait SpanLine {
    fn span_line(&self) -> usize;
}

impl<T: syn::spanned::Spanned> SpanLine for T {
    fn span_line(&self) -> usize {
        self.span().start().line
    }
}

#[cfg(test)]
mod tests {
    use super::super::sources::sources;
    use super::*;

    fn found(field: &str) -> usize {
        let text = format!("#[repr(C, align(8))]\npub struct A {{ pub a: {field} }}");
        check(&sources(&[("ndpi-common/src/a.rs", &text)])).len()
    }

    #[test]
    fn only_integers_and_arrays_cross() {
        for field in ["u8", "[u8; 16]", "u64", "KeyV4", "[[u32; 2]; 4]"] {
            assert_eq!(found(field), 0, "{field}");
        }
        for field in ["bool", "Option<u32>", "usize", "*const u8", "&'static u8", "[bool; 2]"] {
            assert_eq!(found(field), 1, "{field}");
        }
    }

    #[test]
    fn other_types_may_hold_what_they_like() {
        let text = "pub struct A { pub a: bool }";
        assert_eq!(check(&sources(&[("ndpi-common/src/a.rs", text)])), [""; 0]);
        let shared = "#[repr(C)] pub struct A { pub a: bool }";
        assert_eq!(check(&sources(&[("ndpi-user/src/a.rs", shared)])), [""; 0]);
    }
}
