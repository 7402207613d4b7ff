//! The entries of a list, line by line.

use super::exceptions::Exceptions;
use super::list::List;
use super::reader::{Reader, place};
use super::tally::Tally;
use crate::blocklist::{Line, Lines, Reach, is_address, without_comment};
use crate::diagnose::{Place, SourceId};
use crate::encoding::NOT_UTF8;
use crate::host::{HostError, HostPattern};
use crate::net::Net;
use crate::rule::At;

impl Reader<'_> {
    /// The names of a list. Its exceptions are put aside: they are for the rule's `not`.
    pub(super) fn names_of(&mut self, list: List) -> Vec<At<HostPattern>> {
        // Lists may be large: the text is borrowed for a while, not copied.
        let text = self.diagnostics.lend_text(list.source);
        let mut names = Names {
            text: &text,
            list,
            tally: Tally::default(),
            all: Vec::new(),
            exceptions: Exceptions::default(),
        };
        let mut lines = Lines::new(list.format);
        for line in text.split_inclusive('\n') {
            let became = lines.line(line, &mut |reach, name| names.add(reach, name));
            names.count(became, line);
        }
        let Names { tally, all, exceptions, .. } = names;
        self.exceptions.add(exceptions);
        self.finish(list.source, text, tally, "host name");
        all
    }

    /// The networks of a list: one a line.
    pub(super) fn networks_of(&mut self, list: List) -> Vec<At<Net>> {
        let text = self.diagnostics.lend_text(list.source);
        let mut tally = Tally::default();
        let mut networks = Vec::new();
        for line in text.split_inclusive('\n') {
            let entry = without_comment(line.trim_start_matches('\u{feff}')).trim();
            if entry.is_empty() || entry.starts_with('!') || entry.starts_with("//") {
                continue;
            }
            let place = place_of(list.source, &text, entry);
            match Net::parse(entry) {
                Ok((value, cleared)) => {
                    tally.read += 1;
                    if cleared {
                        tally.clear(place, &value.to_string());
                    }
                    networks.push(At { value, place });
                }
                Err(error) => {
                    tally.refuse(|| {
                        let (why, help) =
                            garbled(entry).unwrap_or_else(|| (error.to_string(), meant_by(entry)));
                        (place, format!("{entry:?}: {why}"), help)
                    });
                }
            }
        }
        self.finish(list.source, text, tally, "network");
        networks
    }

    fn finish(&mut self, source: SourceId, text: String, tally: Tally, what: &str) {
        self.diagnostics.return_text(source, text);
        tally.problems(what).for_each(|problem| self.report(problem));
    }
}

/// What is wrong with a line that has bytes in it that are not UTF-8, and what to do.
fn garbled(entry: &str) -> Option<(String, String)> {
    let help = "if the whole list is in the encoding of old Windows programs, convert it: iconv -f \
                WINDOWS-1252 -t UTF-8";
    entry.contains(NOT_UTF8).then(|| ("this is not UTF-8".to_owned(), help.to_owned()))
}

/// What to write in place of a line that is no network.
fn meant_by(entry: &str) -> String {
    if HostPattern::parse(entry).is_ok() && !is_address(entry) {
        return "for names there is `host`: host = { file = \"…\" }".to_owned();
    }
    super::meant::meant_net(entry)
        .unwrap_or_else(|| "lines look like: 198.18.0.0/15 or 2001:db8::/32".to_owned())
}

/// The names of a list as they are found.
struct Names<'t> {
    text: &'t str,
    list: List,
    tally: Tally,
    all: Vec<At<HostPattern>>,
    exceptions: Exceptions,
}

impl Names<'_> {
    fn add(&mut self, reach: Reach, name: &str) {
        let pattern = match reach {
            Reach::AsWritten | Reach::ExceptItself => HostPattern::parse(name),
            Reach::Tree | Reach::ImportantTree | Reach::ExceptTree | Reach::ExceptImportant => {
                HostPattern::tree(name)
            }
            Reach::Below | Reach::ImportantBelow => HostPattern::below(name),
        };
        let place = place_of(self.list.source, self.text, name);
        match pattern {
            Ok(value) => {
                self.tally.read += 1;
                self.keep(reach, At { value, place });
            }
            Err(error) => self.refuse(place, name, &error.to_string(), Some(&error)),
        }
    }

    fn keep(&mut self, reach: Reach, at: At<HostPattern>) {
        let exceptions = &mut self.exceptions;
        match reach {
            Reach::ExceptTree | Reach::ExceptItself => return exceptions.plain.push(at),
            Reach::ExceptImportant => return exceptions.important.push(at),
            Reach::ImportantTree | Reach::ImportantBelow => exceptions.in_spite.push(at.clone()),
            Reach::AsWritten | Reach::Tree | Reach::Below => {}
        }
        let value = if self.list.below { at.value.with_those_below() } else { at.value };
        self.all.push(At { value, ..at });
    }

    fn count(&mut self, became: Line, line: &str) {
        let content = line.trim();
        let place = place_of(self.list.source, self.text, content);
        match became {
            Line::Read => {}
            Line::LeftOut(left) => self.tally.leave_out(place, left),
            Line::Strange => {
                let content = without_comment(content);
                match HostPattern::parse(content) {
                    _ if is_address(content) => self.refuse(place, content, "an address", None),
                    Err(error @ HostError::NotAName(_)) => {
                        self.refuse(place, content, &error.to_string(), Some(&error));
                    }
                    _ => self.refuse(place, content, "something else", None),
                }
            }
        }
    }

    fn refuse(&mut self, place: Place, found: &str, why: &str, error: Option<&HostError>) {
        let format = self.list.format;
        self.tally.refuse(|| {
            if let Some((why, help)) = garbled(found) {
                return (place, format!("{found:?}: {why}"), help);
            }
            let help = match error {
                _ if is_address(found) => {
                    "for addresses there are `src`, `dst` and `any`: dst = { file = \"…\" }"
                        .to_owned()
                }
                Some(error @ HostError::NotAName(_)) => error.help(),
                _ => format.looks().to_owned(),
            };
            (place, format!("{found:?}: {why}"), help)
        });
    }
}

/// Where a part of a text is in it.
fn place_of(source: SourceId, text: &str, part: &str) -> Place {
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    place(source, start..start + part.len())
}
