//! The content of a line of a list, and parts that the formats share.

use std::net::IpAddr;

/// How far a name on a list reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// As it is written, with the marks that a policy has: `*.` and `.`.
    AsWritten,
    /// The name and those below it.
    Tree,
    /// The names below it.
    Below,
    /// The name and those below it, whatever is excepted.
    ImportantTree,
    /// The names below it, whatever is excepted.
    ImportantBelow,
    /// An exception: the name and those below it are not meant.
    ExceptTree,
    /// An exception from what is meant whatever is excepted, too.
    ExceptImportant,
    /// An exception: the name is not meant.
    ExceptItself,
}

/// The result of reading a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It was read, or there is nothing in it.
    Read,
    /// It is understood, and says nothing that a flow could be asked.
    LeftOut(Left),
    /// It is something else.
    Strange,
}

/// What a line that is left out is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// A part of a page, or a kind of content.
    Page,
    /// An address to answer with, or a resolver to ask.
    Answer,
    /// Addresses.
    Address,
}

/// Takes the names of a line.
pub(crate) type Give<'g, 't> = &'g mut dyn FnMut(Reach, &'t str);

/// A line up to its comment.
pub(crate) fn without_comment(text: &str) -> &str {
    let text = text.split(['#', ';']).next().unwrap_or_default();
    text.split(" //").next().unwrap_or_default().trim_end()
}

/// Whether a text is an address, a network or a range of addresses.
pub(crate) fn is_address(text: &str) -> bool {
    let may_be = text.ends_with(|c: char| c.is_ascii_hexdigit() || c == ':');
    let first = || text.split(['-', '/']).next().unwrap_or_default().trim_end();
    may_be
        && (text.parse::<IpAddr>().is_ok()
            || (first().len() < text.len() && first().parse::<IpAddr>().is_ok()))
}

/// Whether a resolver that gives this address blocks by it.
pub(super) fn blocks(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_loopback()
}
