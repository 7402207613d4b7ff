//! `dnsmasq(8)`: `address=/example.com/0.0.0.0`, `server=/example.com/`, `local=/example.com/`. Such a line
//! is about the names below, too.

use super::line::{Give, Left, Line, Reach, blocks};

/// Reads a line; `None` if it is not of this kind.
pub(super) fn line<'t>(text: &'t str, give: Give<'_, 't>) -> Option<Line> {
    let (option, value) = text.split_once('=')?;
    let option = option.trim().trim_start_matches("--");
    if !["address", "server", "local"].contains(&option) {
        return None;
    }
    let Some(value) = value.trim().strip_prefix('/') else {
        // A resolver to ask.
        return Some(Line::LeftOut(Left::Answer));
    };
    let value = value.split(" #").next().unwrap_or_default().trim_end();
    let Some((names, target)) = value.rsplit_once('/') else { return Some(Line::Strange) };
    let reach = match (option, target) {
        ("address", "#") | (_, "") => Reach::Tree,
        // The resolvers that all other names are asked of.
        (_, "#") => Reach::ExceptTree,
        ("address", address) if address.parse().is_ok_and(blocks) => Reach::Tree,
        _ => return Some(Line::LeftOut(Left::Answer)),
    };
    let mut names = names.split('/').filter(|name| !name.is_empty()).peekable();
    if names.peek() == Some(&"#") {
        // Every name there is.
        return Some(Line::LeftOut(Left::Answer));
    }
    for name in names {
        match (reach, name.strip_prefix("*.")) {
            (Reach::Tree, Some(name)) => give(Reach::Below, name),
            _ => give(reach, name.trim_start_matches('.')),
        }
    }
    Some(Line::Read)
}
