//! Decisions as lines for a person.

use std::io::Write as _;
use std::net::SocketAddr;

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

/// Appends a line with the decision.
pub(super) fn write(event: &Event, colored: bool, out: &mut Vec<u8>) {
    if let Event::Decided(decided) = event {
        // Memory takes all there is.
        let _ = write_decision(decided, colored, out);
    }
}

fn write_decision(decided: &Decided, colored: bool, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Decided { ends, label, inspected, .. } = decided;
    let (src, dst) = (SocketAddr::new(ends.src, ends.sport), SocketAddr::new(ends.dst, ends.dport));
    let (time, action) = (decided.time.timestamp(), label.action.as_deref().unwrap_or("-"));
    let (begin, end) = if colored { color_of(action) } else { ("", "") };
    write!(out, "{time:.0} {begin}{action:<6}{end} {:<20} {src} > {dst}", label.app)?;
    if let Some(hostname) = &label.hostname {
        write!(out, " {hostname}")?;
    }
    if label.adopted {
        write!(out, " by an earlier instance")?;
    } else {
        write!(out, " after {inspected} packets")?;
    }
    if let Some(by) = &label.decided_by {
        write!(out, " by its {}", by.replace('-', " "))?;
    }
    if !label.findings.is_empty() {
        write!(out, ", found {}", label.findings.join(", "))?;
    }
    if let Some(rule) = &label.rule {
        write!(out, ", rule \"{rule}\"")?;
    }
    writeln!(out)
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

    use super::{Show, is_by_rule, write};
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

    #[test]
    fn a_decision_is_a_line() {
        let mut line = Vec::new();
        write(&decided("no search"), false, &mut line);
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "2023-11-14T22:13:20Z drop   TLS.Google           198.18.0.1:40000 > 198.18.0.2:443 \
             www.example.org after 4 packets by its first packet, found fake-segment, oversize, rule \"no search\"\n"
        );
    }

    #[test]
    fn what_is_dropped_is_red_where_there_are_colours() {
        let mut line = Vec::new();
        write(&decided("no search"), true, &mut line);
        assert!(String::from_utf8(line).unwrap().contains("Z \x1b[31mdrop  \x1b[m TLS"));
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
        let mut line = Vec::new();
        write(&adopted, false, &mut line);
        let line = String::from_utf8(line).unwrap();
        assert!(line.contains("www.example.org by an earlier instance by its"), "{line}");
    }

    #[test]
    fn what_no_rule_decided_has_no_line() {
        let by_rule = ["no search", "default", "undecided"].map(|rule| is_by_rule(&decided(rule)));
        assert_eq!(by_rule, [true, false, false]);
    }
}
