//! What became of the lines of a list: some are refused, and the rest is used all the same. Whoever publishes
//! a list may have a bad day; that must not take a policy out of force.

use crate::policy::{Place, Problem};

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
    pub(super) fn leave_out(&mut self, place: Place) {
        self.left_out.count(|| (place, String::new(), String::new()));
    }

    /// A network with bits below its prefix, and how it is read.
    pub(super) fn clear(&mut self, place: Place, read_as: &str) {
        self.cleared.count(|| (place, String::new(), format!("it is read as \"{read_as}\"")));
    }

    /// One problem for each kind. A list of which most is refused is none of this format.
    pub(super) fn problems(self, what: &str) -> impl Iterator<Item = Problem> {
        let Self { read, refused, left_out, cleared } = self;
        let all = read + refused.lines + left_out.lines;
        let refused_lines = refused.lines;
        let refused = refused.first.map(|(place, why, help)| {
            let lines = of(refused_lines, all);
            if refused_lines > read {
                let message = format!(
                    "{lines} of this list are no {what}, and it is not used; the first: {why}"
                );
                Problem::error("list-format", place, message).help(help)
            } else {
                let message = format!(
                    "{lines} of this list are no {what}, and are left out; the first: {why}"
                );
                Problem::warning("list-line", place, message).help(help)
            }
        });
        let left_out_lines = left_out.lines;
        let left_out = left_out.first.map(|(place, ..)| {
            let lines = of(left_out_lines, all);
            let message =
                format!("{lines} of this list ask for more than a {what} can say, and are left out; this is the first");
            Problem::warning("list-left-out", place, message).help(
                "parts of pages, kinds of content and addresses to answer with are for browsers and \
                 resolvers; a flow has a host name",
            )
        });
        let cleared_lines = cleared.lines;
        let cleared = cleared.first.map(|(place, _, help)| {
            let message =
                format!("{} of this list have bits set below their prefix", of(cleared_lines, all));
            Problem::warning("host-bits", place, message).help(help)
        });
        [refused, left_out, cleared].into_iter().flatten()
    }
}

fn of(lines: usize, all: usize) -> String {
    format!("{lines} of {all} lines")
}
