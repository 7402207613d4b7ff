//! Interfaces that are joined in pairs: `--peer`.

use std::str::FromStr;

use anyhow::{Result, bail};

use crate::interfaces::Pattern;

/// Two interfaces by name: what passes on one goes out of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) left: String,
    pub(crate) right: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (left, right) = text
            .split_once('=')
            .filter(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains('='))
            .ok_or("two interfaces are wanted, as in eth0=eth1")?;
        for end in [left, right] {
            if end.parse::<Pattern>()?.name().is_none() {
                return Err(format!("a wire has two ends, by name: {end} is a pattern"));
            }
        }
        if left == right {
            return Err(format!("{left} cannot be its own peer"));
        }
        Ok(Self { left: left.into(), right: right.into() })
    }
}

impl Pair {
    fn ends(&self) -> [&str; 2] {
        [&self.left, &self.right]
    }
}

/// The interfaces to attach to: those that were named for it, and those of the pairs.
///
/// # Errors
///
/// An interface is in two pairs.
pub(crate) fn interfaces(named: &[Pattern], pairs: &[Pair]) -> Result<Vec<Pattern>> {
    let mut ends: Vec<&str> = Vec::new();
    for pair in pairs {
        for end in pair.ends() {
            if ends.contains(&end) {
                bail!("{end} is in two pairs of --peer; a wire has two ends");
            }
            ends.push(end);
        }
    }
    let is_named = |end: &str| named.iter().any(|it| it.name() == Some(end));
    let missing = ends.into_iter().filter(|end| !is_named(end)).map(str::parse);
    let missing = missing.collect::<Result<Vec<_>, _>>().map_err(anyhow::Error::msg)?;
    Ok(named.iter().cloned().chain(missing).collect())
}

/// What is at the other end of the wire that `interface` is an end of, if it is.
pub(super) fn peer_of<'a>(interface: &str, pairs: &'a [[String; 2]]) -> Option<&'a str> {
    pairs.iter().find_map(|[left, right]| match interface {
        end if end == left => Some(right.as_str()),
        end if end == right => Some(left.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(texts: &[&str]) -> Vec<Pair> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_pair_is_two_names() {
        assert_eq!(pairs(&["eth0=eth1.5"])[0].ends(), ["eth0", "eth1.5"]);
        for wrong in ["", "eth0", "eth0=", "=eth1", "a=b=c", "="] {
            assert!(wrong.parse::<Pair>().unwrap_err().contains("eth0=eth1"), "{wrong}");
        }
        assert_eq!("lan=lan".parse::<Pair>().unwrap_err(), "lan cannot be its own peer");
    }

    #[test]
    fn both_ends_are_attached_to_once() {
        let patterns = |names: &[&str]| -> Vec<Pattern> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        let named = patterns(&["tap", "b", "wg*"]);
        let attached = interfaces(&named, &pairs(&["a=b", "c=d"])).unwrap();
        assert_eq!(attached, patterns(&["tap", "b", "wg*", "a", "c", "d"]));
        assert_eq!(interfaces(&named, &[]).unwrap(), named);
    }

    #[test]
    fn each_end_is_the_others_peer() {
        let pairs = [["a", "b"], ["c", "d"]].map(|pair| pair.map(str::to_owned));
        let peers = ["a", "b", "d", "tap"].map(|end| peer_of(end, &pairs));
        assert_eq!(peers, [Some("b"), Some("a"), Some("c"), None]);
    }

    #[test]
    fn a_wire_has_two_ends() {
        for twice in [["a=b", "a=b"], ["a=b", "b=a"], ["a=b", "c=a"]] {
            let error = interfaces(&[], &pairs(&twice)).unwrap_err().to_string();
            assert!(error.contains("is in two pairs"), "{error}");
        }
    }
}
