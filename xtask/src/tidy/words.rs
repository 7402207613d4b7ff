//! Macros that mark unfinished work, and must not be left behind.

use proc_macro2::{Punct, Spacing, TokenTree};

use super::sources::{Sources, each_token};

const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

pub(super) fn check(sources: &Sources) -> Vec<String> {
    let mut findings = Vec::new();
    for source in &sources.0 {
        each_token(&source.ast, &mut |token, next| {
            let (TokenTree::Ident(word), Some(TokenTree::Punct(mark))) = (token, next) else {
                return;
            };
            if is_bang(mark) && UNFINISHED.iter().any(|name| word == name) {
                let line = word.span().start().line;
                findings.push(format!("{}:{line}: `{word}!` is left over", source.path.display()));
            }
        });
    }
    findings
}

/// The `!` of a macro, not that of `!=`.
fn is_bang(mark: &Punct) -> bool {
    mark.as_char() == '!' && mark.spacing() == Spacing::Alone
}

#[cfg(test)]
mod tests {
    use super::super::sources::sources;
    use super::*;

    #[test]
    fn left_overs_are_found_inside_macros_too() {
        let text = "fn f() {\n    println!(\"{}\", dbg!(1));\n    todo!()\n}";
        let found = check(&sources(&[("a.rs", text)]));
        assert_eq!(found, ["a.rs:2: `dbg!` is left over", "a.rs:3: `todo!` is left over"]);
    }

    #[test]
    fn words_alone_are_fine() {
        let text = "// todo!() as text\nfn todo() { let dbg = \"todo!\"; dbg != todo() }";
        assert_eq!(check(&sources(&[("a.rs", text)])), [""; 0]);
    }
}
