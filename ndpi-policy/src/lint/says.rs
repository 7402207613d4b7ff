//! Names in messages.

use ndpi_labels::CategoryId;

use crate::names::Names;
use crate::rule::At;

/// How many names of a list are shown.
const SHOWN: usize = 4;

/// Names as a sentence lists them, the rest counted.
pub(super) fn and_more<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{} and {more} more", names[..SHOWN].join(", ")),
        _ => names.join(", "),
    }
}

/// The names of categories, in their order.
pub(super) fn names_of(categories: &[At<CategoryId>], names: &Names) -> Vec<String> {
    let name = |at: &At<CategoryId>| names.name(at.value.0).unwrap_or("?").to_owned();
    categories.iter().map(name).collect()
}
