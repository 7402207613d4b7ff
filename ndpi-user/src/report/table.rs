//! Tables for people: columns as wide as their longest cell.

use std::fmt;

use unicode_width::UnicodeWidthStr as _;

/// Which side of its column a cell leans to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table being filled.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Leaves out columns of these titles, in this order, until the table is no wider than `width`, or none is
    /// left.
    pub(crate) fn fit(&mut self, width: usize, dispensable: &[&str]) {
        let mut dispensable = dispensable.iter();
        while self.total_width() > width
            && let Some(title) = dispensable.next()
        {
            self.remove(title);
        }
    }

    fn remove(&mut self, title: &str) {
        let Some(at) = self.columns.iter().position(|(it, _)| *it == title) else { return };
        self.columns.remove(at);
        for row in &mut self.rows {
            if at < row.len() {
                row.remove(at);
            }
        }
    }

    /// The width of a line, without the space at its end.
    fn total_width(&self) -> usize {
        (0..self.columns.len()).map(|column| self.width(column) + 2).sum()
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.width()).max().unwrap_or(0);
        widest.max(self.columns[column].0.width())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.columns.len()).map(|i| self.width(i)).collect();
        let titles = self.columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        for row in std::iter::once(&titles).chain(&self.rows) {
            let mut line = String::from(" ");
            for ((cell, &width), (_, align)) in row.iter().zip(&widths).zip(&self.columns) {
                line.push(' ');
                let padding = " ".repeat(width - cell.width());
                match align {
                    Align::Left => line.extend([cell, padding.as_str()]),
                    Align::Right => line.extend([padding.as_str(), cell]),
                }
                line.push(' ');
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Align, Table};

    #[test]
    fn characters_of_two_columns_count_as_two() {
        let mut table = Table::new(&[("rule", Align::Left), ("n", Align::Right)]);
        table.row(["视频".into(), "1".into()]);
        table.row(["video".into(), "2".into()]);
        assert_eq!(table.to_string(), "  rule   n\n  视频   1\n  video  2\n");
    }

    #[test]
    fn a_narrow_terminal_gets_the_columns_that_matter() {
        let mut table =
            Table::new(&[("name", Align::Left), ("note", Align::Left), ("n", Align::Right)]);
        table.row(["a".into(), "a long note".into(), "7".into()]);
        let whole = table.to_string();
        table.fit(whole.lines().map(str::len).max().unwrap_or(0), &["note"]);
        assert_eq!(table.to_string(), whole, "it has room");
        table.fit(20, &["note", "name"]);
        assert_eq!(table.to_string(), "  name  n\n  a     7\n");
        table.fit(1, &["note", "name", "other"]);
        assert_eq!(table.to_string(), "  n\n  7\n");
    }

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let mut table =
            Table::new(&[("name", Align::Left), ("n", Align::Right), ("", Align::Left)]);
        assert!(table.is_empty());
        table.row(["a".into(), "12345".into(), "██".into()]);
        table.row(["longer".into(), "1".into(), String::new()]);
        assert_eq!(table.to_string(), "  name        n\n  a       12345  ██\n  longer      1\n");
    }
}
