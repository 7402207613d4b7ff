//! Decisions as lines for a person.

use std::net::SocketAddr;

use jiff::tz::TimeZone;
use ndpi_events::{BusBuilder, Decided, Event, Kind, Kinds, Label, Subscription};

use super::lines::WAITING_EVENTS;
use ndpi_policy::{DEFAULT_RULE, UNDECIDED_RULE};

/// Which decisions have a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Those that a rule made.
    #[default]
    Rules,
    /// Those to drop a flow's packets.
    Blocked,
    /// All.
    All,
    /// None.
    None,
}

/// Subscribes to the decisions that are to be shown.
pub(super) fn subscribe(bus: &mut BusBuilder, show: Show) -> Subscription {
    let kinds = if show == Show::None { Kinds::default() } else { Kinds::of(&[Kind::Decided]) };
    bus.subscribe(kinds, move |event| show.takes(event), WAITING_EVENTS)
}

impl Show {
    fn takes(self, event: &Event) -> bool {
        match self {
            Self::Rules => is_by_rule(event) && is_of_us(event),
            Self::Blocked => event.label().is_some_and(Label::is_blocked) && is_of_us(event),
            Self::All => true,
            Self::None => false,
        }
    }
}

fn is_by_rule(event: &Event) -> bool {
    let Event::Decided(decided) = event else { return false };
    !matches!(decided.label.rule.as_deref(), Some(DEFAULT_RULE | UNDECIDED_RULE))
}

/// Whether this instance made the decision: those that it took over were shown by the one that made them.
fn is_of_us(event: &Event) -> bool {
    event.label().is_none_or(|label| !label.adopted)
}

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Actions have a colour.
    pub colored: bool,
    /// Columns of the terminal; without one, a line is a line.
    pub width: Option<usize>,
}

/// Appends a line with the decision, in the time of day of this place.
pub(super) fn write(event: &Event, style: Style, out: &mut Vec<u8>) {
    if let Event::Decided(decided) = event {
        out.extend(line(decided, style, &TimeZone::system()).bytes());
    }
}

fn line(decided: &Decided, Style { colored, width }: Style, zone: &TimeZone) -> String {
    let time = decided.time.timestamp().to_zoned(zone.clone()).strftime("%F %T").to_string();
    let action = decided.label.action.as_deref().unwrap_or("-");
    let line = format!("{time} {action:<6} {}\n", words(decided));
    let mut line = width.map_or(line.clone(), |width| ndpi_text::wrapped(&line, width));
    if colored {
        let (begin, end) = color_of(action);
        let at = time.len() + 1;
        // From the end, so that the places before stay what they are.
        line.insert_str(at + action.len(), end);
        line.insert_str(at, begin);
    }
    line
}

/// What there is to say of a decision besides when and what.
fn words(decided: &Decided) -> String {
    let Decided { ends, label, inspected, .. } = decided;
    let (src, dst) = (SocketAddr::new(ends.src, ends.sport), SocketAddr::new(ends.dst, ends.dport));
    let mut words = vec![format!("{:<20} {src} > {dst}", label.app)];
    if let Some(hostname) = &label.hostname {
        words.push(format!(" {hostname}"));
    }
    if label.adopted {
        words.push(" by an earlier instance".into());
    } else {
        words.push(format!(" after {inspected} packets"));
    }
    if let Some(by) = &label.decided_by {
        words.push(format!(" by its {}", by.replace('-', " ")));
    }
    if !label.findings.is_empty() {
        words.push(format!(", found {}", label.findings.join(", ")));
    }
    if let Some(rule) = &label.rule {
        words.push(format!(", rule \"{rule}\""));
    }
    if label.dry_run {
        words.push(", in a dry run".into());
    }
    words.concat()
}

/// What begins and ends the colour of an action (ECMA-48, SGR): red where packets are dropped, yellow where some are.
fn color_of(action: &str) -> (&'static str, &'static str) {
    match action {
        "drop" | "reject" => ("\x1b[31m", "\x1b[m"),
        "limit" => ("\x1b[33m", "\x1b[m"),
        _ => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use ndpi_events::{Decided, Event, Label, Time};

    use super::{Show, Style, TimeZone, is_by_rule, line};
    use crate::testing::decision;

    fn decided(rule: &str) -> Event {
        let Event::Decided(decided) = decision("drop") else { panic!("another event") };
        let label = Label {
            app: "TLS.Google".into(),
            rule: Some(rule.into()),
            decided_by: Some("first-packet".into()),
            findings: vec!["fake-segment".into(), "oversize".into()],
            ..decided.label
        };
        let time = Time::from_ns(1_700_000_000_500_000_000);
        Event::Decided(Decided { time, inspected: 4, label, ..decided })
    }

    fn shown(event: &Event, colored: bool, width: Option<usize>) -> String {
        let Event::Decided(decided) = event else { panic!("another event") };
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        line(decided, Style { colored, width }, &zone)
    }

    #[test]
    fn a_decision_is_a_line_in_local_time() {
        assert_eq!(
            shown(&decided("no search"), false, None),
            "2023-11-14 23:13:20 drop   TLS.Google           198.18.0.1:40000 > 198.18.0.2:443 \
             www.example.org after 4 packets by its first packet, found fake-segment, oversize, rule \"no search\"\n"
        );
    }

    #[test]
    fn on_a_terminal_it_is_no_wider_than_that() {
        let text = shown(&decided("no search"), false, Some(80));
        assert!(text.ends_with('\n') && text.lines().count() == 3, "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&text), words(&shown(&decided("no search"), false, None)));
    }

    #[test]
    fn what_is_dropped_is_red_where_there_are_colours() {
        for width in [None, Some(80)] {
            let text = shown(&decided("no search"), true, width);
            assert!(text.starts_with("2023-11-14 23:13:20 \x1b[31mdrop\x1b[m   TLS"), "{text:?}");
        }
    }

    #[test]
    fn a_line_of_a_dry_run_says_so() {
        let Event::Decided(decided) = decided("no search") else { panic!("another event") };
        let label = Label { dry_run: true, ..decided.label };
        let line = shown(&Event::Decided(Decided { label, ..decided }), false, None);
        assert!(line.ends_with(", rule \"no search\", in a dry run\n"), "{line}");
    }

    #[test]
    fn what_is_shown_is_what_is_asked_for() {
        let (ours, default) = (decided("no search"), decided("default"));
        for (show, taken) in [
            (Show::Rules, [true, false]),
            (Show::Blocked, [true, true]),
            (Show::All, [true, true]),
            (Show::None, [false, false]),
        ] {
            assert_eq!([&ours, &default].map(|it| show.takes(it)), taken, "{show:?}");
        }
    }

    #[test]
    fn what_was_taken_over_is_shown_with_all_others_alone() {
        let Event::Decided(decided) = decided("no search") else { panic!("another event") };
        let label = Label { adopted: true, ..decided.label };
        let adopted = Event::Decided(Decided { inspected: 0, label, ..decided });
        let taken = [Show::Rules, Show::Blocked, Show::All].map(|show| show.takes(&adopted));
        assert_eq!(taken, [false, false, true]);
        let line = shown(&adopted, false, None);
        assert!(line.contains("www.example.org by an earlier instance by its"), "{line}");
    }

    #[test]
    fn what_no_rule_decided_has_no_line() {
        let by_rule = ["no search", "default", "undecided"].map(|rule| is_by_rule(&decided(rule)));
        assert_eq!(by_rule, [true, false, false]);
    }
}
