//! Host names that may mean more, or less, than what was written.

use std::collections::HashSet;

use crate::diagnose::{Place, Problem, SourceId};
use crate::host::{HostPattern, LONGEST_KEPT};
use crate::rule::{At, Matchers, Rule};

/// Second labels below which countries register names.
const REGISTRIES: [&str; 8] = ["ac", "co", "com", "edu", "gov", "net", "or", "org"];

/// Names without those below them, and names longer than nDPI keeps.
pub(super) fn hints(rule: &Rule) -> Vec<Problem> {
    let lists = [&rule.matchers, &rule.not].into_iter().filter_map(hosts);
    lists.flat_map(|list| bare(list).into_iter().chain(long(list))).collect()
}

fn hosts(matchers: &Matchers) -> Option<&[At<HostPattern>]> {
    matchers.host.as_deref()
}

/// Sites of which only the name itself is listed, a hint for each written out and one for a file.
fn bare(list: &[At<HostPattern>]) -> Vec<Problem> {
    let deliberate: HashSet<&str> = list.iter().filter_map(|at| parent_named(&at.value)).collect();
    let is_bare = |at: &&At<HostPattern>| match &at.value {
        HostPattern::Exact(name) => is_site(name) && !deliberate.contains(name.as_str()),
        HostPattern::Below(_) | HostPattern::Tree(_) | HostPattern::Any => false,
    };
    by_file(list.iter().filter(is_bare)).into_iter().map(bare_hint).collect()
}

fn bare_hint((first, count): (&At<HostPattern>, usize)) -> Problem {
    let name = first.value.name();
    let (message, help) = if count == 1 {
        (
            format!("{name:?} is this one name, and none of those below it, as www.{name}"),
            format!("write \".{name}\" to take them, too"),
        )
    } else {
        (
            format!("{count} names of this list, as {name:?}, do not take the names below them"),
            format!("write `below = true` beside `file`, or \".{name}\", to take those below, too"),
        )
    };
    Problem::hint("bare-host", first.place, message).help(help)
}

/// Names that nDPI cuts.
fn long(list: &[At<HostPattern>]) -> Vec<Problem> {
    let cut = list.iter().filter(|at| at.value.name().len() > LONGEST_KEPT);
    by_file(cut).into_iter().map(long_hint).collect()
}

fn long_hint((first, count): (&At<HostPattern>, usize)) -> Problem {
    let name = first.value.name();
    let more =
        if count > 1 { format!(" ({count} such names in this list)") } else { String::new() };
    let message = format!(
        "this name has {} characters, and nDPI keeps the last {LONGEST_KEPT} of a name: where no more is read \
         (`--normalise off`), it takes every name that ends so{more}",
        name.len()
    );
    let shorter = name.match_indices('.').map(|(dot, _)| &name[dot..]);
    let shorter = shorter.into_iter().find(|suffix| suffix.len() <= LONGEST_KEPT).unwrap_or(name);
    let help = format!("where others have that ending, add `dst` or `app`; or write {shorter:?}");
    Problem::hint("long-host", first.place, message).help(help)
}

/// The entries of the policy itself one by one, and for each list file the first and how many.
fn by_file<'l>(
    entries: impl Iterator<Item = &'l At<HostPattern>>,
) -> Vec<(&'l At<HostPattern>, usize)> {
    let mut found: Vec<(&At<HostPattern>, usize)> = Vec::new();
    for at in entries {
        let Place { source, .. } = at.place;
        let known = found.iter_mut().find(|(first, _)| first.place.source == source);
        match known.filter(|_| source != SourceId(0)) {
            Some((_, count)) => *count += 1,
            None => found.push((at, 1)),
        }
    }
    found
}

/// The site that an entry is a name below of: whoever lists `www.example.com` beside `example.com` means
/// each of them.
fn parent_named(pattern: &HostPattern) -> Option<&str> {
    match pattern {
        HostPattern::Exact(name) => name.split_once('.').map(|(_, parent)| parent),
        HostPattern::Below(name) | HostPattern::Tree(name) => Some(name),
        HostPattern::Any => None,
    }
}

/// Whether a name looks like a site as it is registered: `example.com`, `example.co.uk`.
fn is_site(name: &str) -> bool {
    let mut labels = name.rsplit('.');
    let (top, second) = (labels.next().unwrap_or_default(), labels.next());
    let Some(second) = second else { return false };
    let below_registry = top.len() == 2 && REGISTRIES.contains(&second);
    match (labels.next(), labels.next()) {
        (None, _) => !below_registry && !top.bytes().all(|byte| byte.is_ascii_digit()),
        (Some(_), None) => below_registry,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_told_from_hosts() {
        for site in ["facebook.com", "example.co.uk", "t.co", "xn--bcher-kva.example"] {
            assert!(is_site(site), "{site}");
        }
        for host in ["www.facebook.com", "localhost", "co.uk", "www.example.co.uk", "198.18.0.1"] {
            assert!(!is_site(host), "{host}");
        }
    }
}
