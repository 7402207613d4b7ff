//! Paths such as `crate::a::b`, wherever they stand, in macros too.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

/// A path as it is written.
pub(super) struct Written {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    /// Whether a list of arguments follows.
    pub(super) is_called: bool,
}

/// All paths but those in code for tests.
pub(super) fn paths(tokens: TokenStream) -> Vec<Written> {
    let mut found = Vec::new();
    walk(tokens, &mut found);
    found
}

fn walk(tokens: TokenStream, found: &mut Vec<Written>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let is_first = !is_continued(&tokens[..at]);
        at += 1;
        match token {
            TokenTree::Group(group) => walk(group.stream(), found),
            TokenTree::Punct(mark) if mark.as_char() == '#' => at += for_tests(&tokens[at..]),
            TokenTree::Ident(first) if is_first => {
                let path = path(first, &tokens[at..]);
                at += (path.len() - 1) * 3;
                let is_called = is_group(tokens.get(at), Delimiter::Parenthesis);
                found.push(Written { path, line: first.span().start().line, is_called });
            }
            _ => {}
        }
    }
}

/// Whether what comes next belongs to a path or a value before it: `::x`, `.x`.
fn is_continued(before: &[TokenTree]) -> bool {
    match before {
        [.., one, two] if is_mark(one, ':') && is_mark(two, ':') => true,
        [.., other, one] if is_mark(one, '.') => !is_mark(other, '.'),
        _ => false,
    }
}

fn path(first: &Ident, after: &[TokenTree]) -> Vec<String> {
    let rest = after.chunks_exact(3).map_while(|part| match part {
        [one, two, TokenTree::Ident(name)] if is_mark(one, ':') && is_mark(two, ':') => {
            Some(name.to_string())
        }
        _ => None,
    });
    [first.to_string()].into_iter().chain(rest).collect()
}

/// After a `#`: how many tokens are for tests only.
fn for_tests(tokens: &[TokenTree]) -> usize {
    let Some(TokenTree::Group(attribute)) = tokens.first() else { return 0 };
    if attribute.stream().to_string().replace(' ', "") != "cfg(test)" {
        return 0;
    }
    let is_end = |token: &TokenTree| {
        is_group(Some(token), Delimiter::Brace) || is_mark(token, ';') || is_mark(token, ',')
    };
    tokens.iter().position(is_end).map_or(tokens.len(), |end| end + 1)
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn is_group(token: Option<&TokenTree>, delimiter: Delimiter) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}
