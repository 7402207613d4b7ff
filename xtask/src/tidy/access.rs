//! One file of the kernel side looks at packet memory.
//!
//! The verifier wants every access checked against `data_end`. Where that happens in one place, it
//! is reviewed in one place.

use proc_macro2::TokenTree;

use super::sources::{Source, Sources, each_token};

pub(super) fn check(sources: &Sources) -> Vec<String> {
    let users: Vec<_> =
        sources.of("ndpi-ebpf").filter(|source| mentions_data_end(source)).collect();
    if users.len() <= 1 {
        return Vec::new();
    }
    let file = |source: &&Source| {
        format!("{}: one of {} files that use `data_end`", source.path.display(), users.len())
    };
    users.iter().map(file).collect()
}

fn mentions_data_end(source: &Source) -> bool {
    let mut found = false;
    each_token(&source.ast, &mut |token, _| {
        found |= matches!(token, TokenTree::Ident(word) if word == "data_end");
    });
    found
}

#[cfg(test)]
mod tests {
    use super::super::sources::sources;
    use super::*;

    #[test]
    fn a_second_accessor_is_found() {
        let one = ("ndpi-ebpf/src/access.rs", "fn f(c: C) { c.data_end() }");
        let comment = ("ndpi-ebpf/src/main.rs", "//! checks `data_end`\n// data_end");
        let elsewhere = ("ndpi-user/src/a.rs", "fn data_end() {}");
        assert_eq!(check(&sources(&[one, comment, elsewhere])), [""; 0]);
        let two = ("ndpi-ebpf/src/other.rs", "fn g(c: C) { (*c.md).data_end }");
        assert_eq!(check(&sources(&[one, two])).len(), 2);
    }
}
