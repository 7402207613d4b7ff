//! Which interfaces are asked for.

use std::fmt;
use std::str::FromStr;

/// An interface by its name, or all interfaces whose names a pattern fits: `*` stands for any
/// characters, `?` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err(
                "an interface's name is wanted, as in eth0, or a pattern as in 'wg*'".into()
            );
        }
        // As the kernel refuses them (`dev_valid_name`).
        if text.contains(|c: char| c == '/' || c.is_whitespace()) {
            return Err(format!("no interface can be called {text:?}"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pattern {
    /// The one name, unless it stands for several.
    pub fn name(&self) -> Option<&str> {
        (!self.0.contains(['*', '?'])).then_some(&self.0)
    }

    /// Whether an interface of this name is asked for.
    pub fn fits(&self, name: &str) -> bool {
        fits(self.0.as_bytes(), name.as_bytes())
    }
}

/// Tries the shortest stretch for the last `*` first, and a longer one wherever the rest fails.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("eth0", "eth0", true),
            ("eth0", "eth01", false),
            ("wg*", "wg", true),
            ("wg*", "wg12", true),
            ("wg*", "awg1", false),
            ("veth?", "veth1", true),
            ("veth?", "veth12", false),
            ("*.100", "eth0.100", true),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbx", false),
            ("*", "lo", true),
            ("?*", "x", true),
            ("?*", "", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn names_are_checked() {
        assert_eq!("eth0".parse::<Pattern>().unwrap().name(), Some("eth0"));
        assert_eq!("wg*".parse::<Pattern>().unwrap().name(), None);
        for wrong in ["", "a b", "a/b", "\n"] {
            wrong.parse::<Pattern>().unwrap_err();
        }
    }
}
