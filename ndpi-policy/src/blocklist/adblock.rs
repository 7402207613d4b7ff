//! Filters for browsers: `||example.com^`, exceptions `@@||example.com^`.
//!
//! What asks for more than the name of a server (a path, a kind of resource, the page around it) only a
//! browser can know: it is left out.

use super::line::{Give, Left, Line, Reach, is_address};

/// Options that do not make a filter narrower than the name in it.
const WHOLE: [&str; 5] = ["important", "all", "document", "doc", "network"];

/// What stands between names of pages and what is hidden, or run, in them.
const COSMETIC: [&str; 9] = ["##", "#@#", "#?#", "#@?#", "#$#", "#@$#", "#%#", "#@%#", "#$?#"];

/// Reads a line; `None` if it is not of this kind.
pub(super) fn line<'t>(text: &'t str, give: Give<'_, 't>) -> Option<Line> {
    let (excepts, filter) = match text.strip_prefix("@@") {
        Some(filter) => (true, filter),
        None => (false, text),
    };
    let Some(filter) = filter.strip_prefix("||") else {
        let is_one = excepts || filter.starts_with(['|', '/']) || is_cosmetic(filter);
        return is_one.then_some(Line::LeftOut(Left::Page));
    };
    let (pattern, options) = filter.split_once('$').unwrap_or((filter, "all"));
    let mut options = options.split(',').map(str::trim);
    let is_important = options.clone().any(|option| option == "important");
    let is_whole = options.all(|option| WHOLE.contains(&option));
    let end = pattern.find(['^', '|', '/', ' ', '?', ':']).unwrap_or(pattern.len());
    let (name, rest) = pattern.split_at(end);
    let (reach, name) = match name.strip_prefix("*.") {
        Some(name) => (Reach::Below, name),
        None => (Reach::Tree, name),
    };
    if is_address(name) {
        return Some(Line::LeftOut(Left::Address));
    }
    let is_name = !name.is_empty() && !name.contains('*');
    if !is_name || !is_whole || !matches!(rest, "" | "^" | "^|" | "^*" | "|") {
        return Some(Line::LeftOut(Left::Page));
    }
    give(
        match (excepts, reach, is_important) {
            (true, _, false) => Reach::ExceptTree,
            (true, _, true) => Reach::ExceptImportant,
            (false, Reach::Below, true) => Reach::ImportantBelow,
            (false, _, true) => Reach::ImportantTree,
            (false, reach, false) => reach,
        },
        name,
    );
    Some(Line::Read)
}

/// Reads a line of such a list that has no mark of it: a name alone is that name, all else a part of an
/// address that only a browser sees.
pub(super) fn rest<'t>(text: &'t str, give: Give<'_, 't>) -> Line {
    let name = text.split(" #").next().unwrap_or_default().trim_end();
    let of_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if is_address(name) {
        return Line::LeftOut(Left::Address);
    }
    let is_name = name.contains('.')
        && name.starts_with(char::is_alphanumeric)
        && name.ends_with(char::is_alphanumeric)
        && name.chars().all(of_name);
    if !is_name {
        return Line::LeftOut(Left::Page);
    }
    give(Reach::AsWritten, name);
    Line::Read
}

fn is_cosmetic(text: &str) -> bool {
    // Behind a space, `##` begins a comment.
    let mark = text.find('#').filter(|at| *at > 0 && !text[..*at].ends_with(char::is_whitespace));
    mark.is_some_and(|at| COSMETIC.iter().any(|mark| text[at..].starts_with(mark)))
}
