//! Makes text that others have chosen safe to print on terminals and into logs.
//!
//! Names come from packets, from file names and from lists. A control character in one could move the
//! cursor, end the line or reverse the text after it, and so forge what is printed around it (CWE-150).
//!
//! ```
//! assert_eq!(ndpi_text::clean("www.example.org"), "www.example.org");
//! assert_eq!(ndpi_text::clean("gpj.\u{202e}exe\n"), "gpj.?exe?");
//! ```

mod wrap;

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::path::Path;

pub use wrap::wrapped;

/// What stands for a control character in a name, as nDPI has it in host names that it cleans itself.
const REPLACEMENT: char = '?';

/// A name without control characters.
pub fn clean(name: &str) -> Cow<'_, str> {
    if has_control(name) {
        name.chars().map(|c| if is_control(c) { REPLACEMENT } else { c }).collect::<String>().into()
    } else {
        name.into()
    }
}

/// A path for a message: control characters are escaped, as in `\n` and `\u{1b}`.
pub fn shown(path: &Path) -> impl fmt::Display + '_ {
    fmt::from_fn(|f| escape(f, &path.to_string_lossy(), |_| false))
}

/// A message, which may have several lines: what is left of other control characters is escaped.
pub fn message(text: &str) -> impl fmt::Display + '_ {
    fmt::from_fn(|f| escape(f, text, |c| matches!(c, '\n' | '\t')))
}

fn escape(f: &mut fmt::Formatter<'_>, text: &str, keep: impl Fn(char) -> bool) -> fmt::Result {
    if !has_control(text) {
        return f.write_str(text);
    }
    text.chars().try_for_each(|c| {
        if is_control(c) && !keep(c) {
            write!(f, "{}", c.escape_default())
        } else {
            f.write_char(c)
        }
    })
}

fn has_control(text: &str) -> bool {
    // Of ASCII, which nearly every name is, two comparisons a byte.
    let plain = text.bytes().all(|byte| matches!(byte, 0x20..0x7f));
    !plain && text.chars().any(is_control)
}

/// Whether a character does something in place of being seen: C0, DEL and C1 (ISO 6429), the line and
/// paragraph separators, and what changes the direction of the text after it (Unicode Standard Annex 9).
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_can_be_seen() {
        for (name, cleaned) in [
            ("www.example.org", "www.example.org"),
            ("bücher.example", "bücher.example"),
            ("例え.テスト", "例え.テスト"),
            ("a\nb\x1b[31mc", "a?b?[31mc"),
            ("\r\0\x7f", "???"),
            ("\u{9b}31m\u{85}", "?31m?"),
            ("gpj.\u{202e}exe\u{2066}\u{61c}", "gpj.?exe??"),
            ("a\u{2028}b", "a?b"),
            ("", ""),
        ] {
            assert_eq!(clean(name), cleaned, "{name:?}");
        }
    }

    #[test]
    fn paths_and_messages_show_what_they_have() {
        let path = Path::new("/tmp/a\n\x1b]0;b\u{9b}c\u{7f}");
        assert_eq!(shown(path).to_string(), r"/tmp/a\n\u{1b}]0;b\u{9b}c\u{7f}");
        assert_eq!(shown(Path::new("/tmp/plain ü")).to_string(), "/tmp/plain ü");
        assert_eq!(message("a\n\tb\r\x1b").to_string(), "a\n\tb\\r\\u{1b}");
    }
}
