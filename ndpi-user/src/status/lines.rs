//! Lines with a label each, as wide as the terminal.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

/// Columns that labels take.
const LABEL: usize = 10;

/// Lines, wrapped at a width, if one is given.
#[derive(Debug)]
pub(super) struct Lines {
    width: Option<usize>,
    text: String,
    last: String,
}

impl Lines {
    /// Starts with a line that has no label.
    pub(super) fn new(width: Option<usize>, first: &str) -> Self {
        let mut lines = Self { width, text: String::new(), last: String::new() };
        lines.wrapped(first, 0);
        lines
    }

    /// Adds a line; its label is shown once where the same follows.
    pub(super) fn add(&mut self, label: &'static str, line: &str) {
        let shown = if self.last == label { "" } else { label };
        label.clone_into(&mut self.last);
        // Writing to memory cannot fail.
        let _ = write!(self.text, "{shown:<LABEL$}");
        self.wrapped(line, LABEL);
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Adds words, of which those that have no room in the line go on below each other.
    fn wrapped(&mut self, line: &str, indent: usize) {
        let room = self.width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(20));
        let mut used = 0;
        for word in line.split(' ') {
            let width = word.width();
            if used > 0 && used + 1 + width > room {
                let _ = write!(self.text, "\n{:indent$}", "");
                used = 0;
            }
            if used > 0 {
                self.text.push(' ');
                used += 1;
            }
            self.text.push_str(word);
            used += width;
        }
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_are_wrapped_beside_their_labels() {
        let mut lines = Lines::new(Some(32), "an instance that enforces all it is to");
        lines.add("attached", "eth0: XDP (native), TC at egress");
        lines.add("attached", "eth1");
        lines.add("losses", "none");
        let expected = "\
an instance that enforces all it
is to
attached  eth0: XDP (native), TC
          at egress
          eth1
losses    none
";
        assert_eq!(lines.into_text(), expected);
    }

    #[test]
    fn without_a_terminal_a_line_is_a_line() {
        let lines = Lines::new(None, &"word ".repeat(100));
        assert_eq!(lines.into_text().lines().count(), 1);
    }
}
