//! Exceptions of lists, where a rule may have them and where not.

use super::exceptions::Exceptions;
use super::reader::Reader;
use crate::diagnose::Problem;
use crate::host::HostPattern;
use crate::rule::At;

impl Reader<'_> {
    /// The exceptions of the lists of a rule's `host`.
    pub(super) fn excepted(&mut self) -> Vec<At<HostPattern>> {
        let (holding, lost) = std::mem::take(&mut self.exceptions).settle();
        if let Some(first) = lost.first() {
            let message = match lost.len() {
                1 => "this name is marked important, but an exception for more than it wins"
                    .to_owned(),
                all => format!(
                    "{all} names of this list are marked important, but exceptions for more than them win; \
                     this is the first"
                ),
            };
            let help = "put such names into a rule before this one";
            self.report(Problem::warning("list-important", first.place, message).help(help));
        }
        holding
    }

    /// What a list under `not` excepts cannot be taken back in.
    pub(super) fn refuse_exceptions_of_exceptions(&mut self) {
        let Exceptions { plain, important, .. } = std::mem::take(&mut self.exceptions);
        let count = plain.len() + important.len();
        if let Some(first) = plain.first().or(important.first()) {
            let message = format!(
                "{count} of this list's lines are exceptions, which have no meaning under `not`"
            );
            let help = "name the list under `host`, or take them out";
            self.report(Problem::warning("list-exception", first.place, message).help(help));
        }
    }
}
