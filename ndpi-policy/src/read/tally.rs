//! Counts the lines of a list: some are refused, and the rest is used all the same. Whoever publishes
//! a list may have a bad day; that must not take a policy out of force.

use crate::blocklist::Left;
use crate::diagnose::{Place, Problem};

/// The lines that were read, and those that were not, with the first of each kind.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) read: usize,
    refused: Kind,
    left_out: Kind,
    cleared: Kind,
}

/// Lines of a kind.
#[derive(Default)]
struct Kind {
    lines: usize,
    /// Where the first is, what is wrong with it, and what to write.
    first: Option<(Place, String, String)>,
}

impl Kind {
    fn count(&mut self, first: impl FnOnce() -> (Place, String, String)) {
        self.lines += 1;
        self.first.get_or_insert_with(first);
    }
}

impl Tally {
    /// A line that is something else: where, why, and what to write.
    pub(super) fn refuse(&mut self, why: impl FnOnce() -> (Place, String, String)) {
        self.refused.count(why);
    }

    /// A line that is understood, and that no flow can be asked for.
    pub(super) fn leave_out(&mut self, place: Place, left: Left) {
        self.left_out.count(|| (place, String::new(), whose(left).to_owned()));
    }

    /// A network with bits below its prefix, and how it is read.
    pub(super) fn clear(&mut self, place: Place, read_as: &str) {
        self.cleared.count(|| (place, String::new(), format!("it is read as \"{read_as}\"")));
    }

    /// One problem for each kind; `what` is one entry. A list of which most is refused is none of this format.
    pub(super) fn problems(self, what: &str) -> impl Iterator<Item = Problem> {
        let Self { read, refused, left_out, cleared } = self;
        let all = read + refused.lines + left_out.lines;
        let is_list = refused.lines <= read;
        let refused = refused.first.map(|(place, why, help)| {
            let none = match (refused.lines, is_list) {
                (1, true) => format!("is no {what}, and is left out: {why}"),
                (1, false) => format!("is no {what}, and the list is not used: {why}"),
                (_, true) => format!("are no {what}s, and are left out; the first: {why}"),
                (_, false) => format!("are no {what}s, and it is not used; the first: {why}"),
            };
            let message = format!("{} {none}", of(refused.lines, all));
            if is_list {
                Problem::warning("list-line", place, message).help(help)
            } else {
                Problem::error("list-format", place, message).help(help)
            }
        });
        let left_out = left_out.first.map(|(place, _, help)| {
            let more = match left_out.lines {
                1 => format!("asks for more than a {what} can say, and is left out"),
                _ => format!(
                    "ask for more than a {what} can say, and are left out; this is the first"
                ),
            };
            let message = format!("{} {more}", of(left_out.lines, all));
            Problem::warning("list-left-out", place, message).help(help)
        });
        let cleared = cleared.first.map(|(place, _, help)| {
            let bits = match cleared.lines {
                1 => "has bits set below its prefix",
                _ => "have bits set below their prefix",
            };
            let message = format!("{} {bits}", of(cleared.lines, all));
            Problem::warning("host-bits", place, message).help(help)
        });
        [refused, left_out, cleared].into_iter().flatten()
    }
}

/// Who could do what a line says that is left out.
fn whose(left: Left) -> &'static str {
    match left {
        Left::Page => {
            "parts of pages and kinds of content are for browsers; a flow has a host name"
        }
        Left::Answer => {
            "which address a name has, or who is asked for it, is for resolvers; hosts files block a name by \
             0.0.0.0"
        }
        Left::Address => {
            "addresses are asked for by `src`, `dst` and `any`, in a list of their own: dst = { file = \"…\" }"
        }
    }
}

fn of(lines: usize, all: usize) -> String {
    format!("{lines} of {all} lines of this list")
}
