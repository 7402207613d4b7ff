//! Problems as people read them.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use ndpi_text::shown;

use super::{Diagnostics, Place, Problem, Severity};

/// How many problems are shown at once: nobody reads on.
const MOST_SHOWN: usize = 100;

impl Diagnostics {
    /// The problems, each with its line and a next step, and a closing line that counts them.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let shown = self.problems.iter().take(MOST_SHOWN);
        let mut out: Vec<String> =
            shown.map(|problem| renderer.render(&[self.group(problem)])).collect();
        if let Some(left_out @ 1..) = self.problems.len().checked_sub(MOST_SHOWN) {
            out.push(format!("… and {left_out} more"));
        }
        out.extend(self.count());
        out.join("\n\n")
    }

    fn group<'s>(&'s self, problem: &'s Problem) -> Group<'s> {
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Hint => Level::NOTE.with_name("hint"),
        };
        let title = level.primary_title(problem.message.as_str());
        let group = match problem.place {
            Some(place) => title.elements(self.snippets(place, problem.related.as_ref())),
            None => Group::with_title(title),
        };
        match &problem.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }

    /// The lines of a problem and, in the same or another file, those that explain it.
    fn snippets<'s>(
        &'s self,
        place: Place,
        related: Option<&'s (Place, String)>,
    ) -> Vec<Snippet<'s, Annotation<'s>>> {
        let main = AnnotationKind::Primary;
        match related {
            None => vec![self.snippet(&[(place, main, None)])],
            Some((there, label)) => {
                let there = (*there, AnnotationKind::Context, Some(label.as_str()));
                if there.0.source == place.source {
                    vec![self.snippet(&[(place, main, None), there])]
                } else {
                    vec![self.snippet(&[(place, main, None)]), self.snippet(&[there])]
                }
            }
        }
    }

    /// The lines of places in one file. Only those lines are handed on: files may be long, and
    /// problems many.
    fn snippet<'s>(
        &'s self,
        places: &[(Place, AnnotationKind, Option<&'s str>)],
    ) -> Snippet<'s, Annotation<'s>> {
        let source = places[0].0.source;
        let text = self.text(source);
        let first = places.iter().map(|(place, ..)| place.start).min().unwrap_or(0) as usize;
        let last = places.iter().map(|(place, ..)| place.end).max().unwrap_or(0) as usize;
        let (line, start) = self.line(source, first);
        let end = text[last..].find('\n').map_or(text.len(), |newline| last + newline);
        let annotations = places.iter().map(|(place, kind, label)| {
            kind.span(place.start as usize - start..place.end as usize - start).label(*label)
        });
        Snippet::source(&text[start..end])
            .path(shown(self.path(source)).to_string())
            .line_start(line)
            .annotations(annotations)
    }

    fn count(&self) -> Option<String> {
        let of = |severity| self.problems.iter().filter(|p| p.severity == severity).count();
        let errors = of(Severity::Error);
        let warnings = of(Severity::Warning);
        let plural = |count: usize, word: &str| match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            _ => Some(format!("{count} {word}s")),
        };
        let hints = of(Severity::Hint);
        let parts = [plural(errors, "error"), plural(warnings, "warning"), plural(hints, "hint")];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
