//! Host names: one written form, and patterns matched on label borders.

use std::borrow::Cow;

use idna::AsciiDenyList;
use serde::{Deserialize, Serialize};

/// Longest name in its written form (RFC 1035, section 2.3.4: 255 octets on the wire).
const MAX_NAME: usize = 253;
/// Longest label (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;
/// Longest name that nDPI keeps whole: of a longer one it keeps as many characters from the end
/// (`host_server_name`, 80 bytes with the NUL).
pub(super) const LONGEST_KEPT: usize = 79;
/// How many characters of a name may be left where nDPI cut it. Of HTTP's host field it first keeps that many,
/// with the port, and then takes off the port, of one to five digits.
const LEFT: [usize; 6] = [79, 77, 76, 75, 74, 73];

/// An entry of `host`. Names are in the form of `normalise`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HostPattern {
    /// `example.com`: this name.
    Exact(String),
    /// `*.example.com`: every name below it, at any depth, but not itself.
    Below(String),
    /// `.example.com`: the name and every name below it.
    Tree(String),
    /// `*`: any name, so that the flow has one.
    Any,
}

impl HostPattern {
    /// Reads an entry, in any spelling: case, internationalised or not, with or without the final
    /// dot.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead where that is known.
    pub fn parse(entry: &str) -> Result<Self, HostError> {
        if entry == "*" {
            return Ok(Self::Any);
        }
        let (make, name): (fn(String) -> Self, &str) =
            match (entry.strip_prefix("*."), entry.strip_prefix('.')) {
                (Some(name), _) => (Self::Below, name),
                (None, Some(name)) => (Self::Tree, name),
                (None, None) => (Self::Exact, entry),
            };
        name_in_written_form(name).map(make)
    }

    /// A name and those below it.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(super) fn tree(name: &str) -> Result<Self, HostError> {
        name_in_written_form(name).map(Self::Tree)
    }

    /// The names below one.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(super) fn below(name: &str) -> Result<Self, HostError> {
        name_in_written_form(name).map(Self::Below)
    }

    /// The same with the names below it.
    #[must_use]
    pub(super) fn with_those_below(self) -> Self {
        match self {
            Self::Exact(name) | Self::Below(name) | Self::Tree(name) => Self::Tree(name),
            Self::Any => Self::Any,
        }
    }

    /// The name without its mark; of any name, none.
    pub fn name(&self) -> &str {
        match self {
            Self::Exact(name) | Self::Below(name) | Self::Tree(name) => name,
            Self::Any => "",
        }
    }

    /// Whether a flow's normalised name is meant, or is what nDPI left of one that may be.
    pub fn matches(&self, host: &str) -> bool {
        self.takes(host) || self.ends().any(|end| end == host)
    }

    /// What nDPI leaves of the names that are meant, where it may be less than the pattern's own.
    pub(super) fn ends(&self) -> impl Iterator<Item = &str> {
        let name = self.name();
        let least = name.len() + usize::from(matches!(self, Self::Below(_)));
        let cut = LEFT.into_iter().filter(move |left| *left < least && *left <= name.len());
        cut.filter_map(|left| name.get(name.len() - left..))
    }

    /// Whether a whole normalised name is meant.
    pub(super) fn takes(&self, host: &str) -> bool {
        let below = |name: &str| host.strip_suffix(name).is_some_and(|left| left.ends_with('.'));
        match self {
            Self::Exact(name) => host == name,
            Self::Below(name) => below(name),
            Self::Tree(name) => host == name || below(name),
            Self::Any => !host.is_empty(),
        }
    }
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Tree(name) => write!(f, ".{name}"),
            Self::Any => f.write_str("*"),
        }
    }
}

/// What is wrong with an entry of `host`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing there.
    #[error("a host name is empty")]
    Empty,
    /// A `*` elsewhere than as the first label.
    #[error("`*` stands for whole labels at the start of a name only")]
    Star,
    /// A URL, a path or an address with a port.
    #[error("this is more than a host name")]
    NotAName(String),
    /// A character no host name has.
    #[error("{0:?} does not belong in a host name")]
    Character(char),
    /// Two dots in a row.
    #[error("a label is empty")]
    EmptyLabel,
    /// Longer than DNS allows.
    #[error("{0}")]
    Long(&'static str),
    /// Not a valid internationalised name (UTS 46).
    #[error("this is not a valid internationalised name")]
    Idna,
}

impl HostError {
    /// What to write instead.
    pub fn help(&self) -> String {
        match self {
            Self::NotAName(name) => format!("write the name alone: \"{name}\""),
            Self::Star => {
                "write \"*.example.com\" for all names below, \".example.com\" to include it, \"*\" for any"
                    .into()
            }
            Self::Idna | Self::Character(_) | Self::EmptyLabel | Self::Empty | Self::Long(_) => {
                "host names look like \"www.example.com\", \"*.example.com\" or \".example.com\""
                    .into()
            }
        }
    }
}

/// The written form that names are compared in: lower case, internationalised labels in Punycode
/// (UTS 46), without port and final dot. A name that no DNS would take is compared as it is, in
/// lower case.
pub(super) fn normalise(host: &str) -> Cow<'_, str> {
    let host = without_port(host);
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_ascii() {
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(host.to_ascii_lowercase());
        }
        return Cow::Borrowed(host);
    }
    idna::domain_to_ascii_cow(host.as_bytes(), AsciiDenyList::EMPTY)
        .unwrap_or_else(|_| Cow::Owned(host.to_lowercase()))
}

/// HTTP's host field may name a port; a name never holds a colon.
fn without_port(host: &str) -> &str {
    match host.split_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn name_in_written_form(entry: &str) -> Result<String, HostError> {
    if entry.is_empty() {
        return Err(HostError::Empty);
    }
    if let Some(name) = name_inside(entry) {
        return Err(HostError::NotAName(name.to_owned()));
    }
    if entry.contains('*') {
        return Err(HostError::Star);
    }
    let entry = entry.strip_suffix('.').unwrap_or(entry);
    let name = idna::domain_to_ascii_cow(entry.as_bytes(), AsciiDenyList::EMPTY)
        .map_err(|_| HostError::Idna)?;
    if name.len() > MAX_NAME {
        return Err(HostError::Long("a host name has at most 253 characters"));
    }
    for label in name.split('.') {
        check_label(label)?;
    }
    Ok(name.into_owned())
}

/// The host name of a URL, a path or an address with a port, where the entry is one.
pub(super) fn name_inside(entry: &str) -> Option<&str> {
    let rest = entry.split_once("://").map_or(entry, |(_, rest)| rest);
    let name = rest.split(['/', ':']).next()?;
    (name.len() < entry.len() && !name.is_empty()).then_some(name)
}

fn check_label(label: &str) -> Result<(), HostError> {
    if label.is_empty() {
        return Err(HostError::EmptyLabel);
    }
    if label.len() > MAX_LABEL {
        return Err(HostError::Long("a label of a host name has at most 63 characters"));
    }
    // Underscores are no letters of host names, and common in DNS all the same.
    let odd = label.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
    odd.map_or(Ok(()), |c| Err(HostError::Character(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(entry: &str) -> HostPattern {
        HostPattern::parse(entry).unwrap_or_else(|error| panic!("{entry}: {error}"))
    }

    #[test]
    fn an_exact_name_matches_itself_only() {
        assert!(pattern("Example.COM").matches("example.com"));
        assert!(!pattern("example.com").matches("www.example.com"));
        assert!(!pattern("example.com").matches("example.com.evil.test"));
    }

    #[test]
    fn a_suffix_matches_on_label_borders() {
        let below = pattern("*.example.com");
        assert!(below.matches("www.example.com"));
        assert!(below.matches("a.b.example.com"));
        assert!(!below.matches("example.com"));
        assert!(!below.matches("notexample.com"));
        assert!(!below.matches("www.example.com.evil.test"));
    }

    #[test]
    fn a_leading_dot_includes_the_name_itself() {
        let tree = pattern(".example.com");
        assert!(tree.matches("example.com"));
        assert!(tree.matches("www.example.com"));
        assert!(!tree.matches("notexample.com"));
    }

    #[test]
    fn what_ndpi_leaves_of_a_long_name_is_compared() {
        let label = "label-of-forty-one-characters-and-no-more";
        let name = format!("{label}.{label}.cdn.example.com");
        assert_eq!(name.len(), 99);
        let left = |count: usize| &name[name.len() - count..];
        for entry in [name.clone(), format!(".{name}")] {
            assert!(pattern(&entry).matches(&name), "whole, as from a DNS answer");
            assert!(pattern(&entry).matches(left(79)) && pattern(&entry).matches(left(74)));
            assert!(!pattern(&entry).matches(left(78)) && !pattern(&entry).matches(left(60)));
            assert!(!pattern(&entry).matches(&left(79).replace("cdn", "cdx")));
        }
        assert!(pattern(&format!("*.{name}")).matches(left(79)), "of a name below");
        assert!(!pattern(&format!("*.{name}")).matches(&name));
        assert!(pattern("*.example.com").matches(left(79)));
        assert_eq!(pattern("www.example.com").ends().count(), 0);
    }

    #[test]
    fn a_star_is_any_name() {
        assert!(pattern("*").matches("www.example.com") && !pattern("*").matches(""));
        assert_eq!(pattern("*").to_string(), "*");
    }

    #[test]
    fn internationalised_names_meet_in_punycode() {
        assert_eq!(pattern("*.BÜCHER.example").name(), "xn--bcher-kva.example");
        assert_eq!(pattern("xn--bcher-kva.example"), pattern("bücher.example."));
        assert_eq!(normalise("Bücher.Example"), "xn--bcher-kva.example");
        // The ideographic full stop is a dot (UTS 46, section 4).
        assert_eq!(pattern("例え。テスト").name(), "xn--r8jz45g.xn--zckzah");
    }

    #[test]
    fn names_seen_on_the_wire_are_brought_into_the_same_form() {
        assert_eq!(normalise("www.example.com"), "www.example.com");
        assert_eq!(normalise("WWW.Example.com."), "www.example.com");
        assert_eq!(normalise("www.example.com:8080"), "www.example.com");
        assert_eq!(normalise("2001:db8::1"), "2001:db8::1");
        assert_eq!(normalise(""), "");
    }

    #[test]
    fn what_is_no_host_name_is_refused_with_the_reason() {
        let wrong = |entry: &str| HostPattern::parse(entry).expect_err(entry);
        assert_eq!(wrong(""), HostError::Empty);
        assert_eq!(wrong("*."), HostError::Empty);
        assert_eq!(wrong("."), HostError::Empty);
        assert_eq!(wrong("*example.com"), HostError::Star);
        assert_eq!(wrong("www.*.com"), HostError::Star);
        assert_eq!(wrong("a..b"), HostError::EmptyLabel);
        assert_eq!(wrong("a b"), HostError::Character(' '));
        assert_eq!(wrong("https://example.com/x"), HostError::NotAName("example.com".into()));
        assert_eq!(wrong("example.com:443"), HostError::NotAName("example.com".into()));
        assert!(matches!(wrong(&"a".repeat(64)), HostError::Long(_)));
        assert!(matches!(wrong(&"a.".repeat(128)), HostError::Long(_)));
        assert!(HostPattern::parse(&"a.".repeat(127)).is_ok(), "253 characters and the final dot");
        assert_eq!(wrong("xn--a-ecp.ru"), HostError::Idna);
    }
}
