//! Events in words, with what is to be done about them.

use std::time::Duration;

use jiff::tz::TimeZone;
use log::Level;
use ndpi_events::{
    Crowding, Directions, EgressOrder, Event, Load, Release, ReleaseChange, Reloaded, Status,
    StuckWorker,
};

/// What there is to say of an event, and how loudly.
pub fn messages(event: &Event) -> Vec<(Level, String)> {
    match event {
        Event::Status(status) => status_message(status).into_iter().collect(),
        Event::Reloaded(reloaded) => reload_messages(reloaded),
        Event::Warning(warning) => vec![(Level::Warn, warning.text.clone())],
        Event::Decided(_) | Event::FlowUpdated(_) | Event::FlowActive(_) | Event::FlowEnded(_) => {
            Vec::new()
        }
    }
}

fn status_message(status: &Status) -> Option<(Level, String)> {
    let text = match status {
        Status::Running(_) | Status::Stopped(_) => return None,
        Status::Attached(interface) | Status::Renamed(interface) => {
            return Some((Level::Info, interface.text.clone()));
        }
        Status::EgressFirst(EgressOrder { iface, .. }) => {
            let text = format!("{iface}: nothing comes before ndpi-xdp at egress any more");
            return Some((Level::Info, text));
        }
        Status::Released(change) => return Some((Level::Info, released(change))),
        Status::ReleaseEnded(change) => {
            let changed = verdicts_changed(change.flows, change.changed);
            return Some((Level::Info, release_ended(&change.release) + &changed));
        }
        Status::Detached(interface) => interface.text.clone(),
        Status::EgressBehind(order) => egress_behind(order),
        Status::EgressBlind(order) => egress_blind(order),
        Status::Crowded(crowding) => crowded(crowding),
        Status::Eased(crowding) => eased(crowding),
        Status::OneDirectional(directions) => one_directional(directions),
        Status::BothDirections(Directions { iface, .. }) => {
            format!("{iface}: connections are seen in both directions again")
        }
        Status::Behind(load) => behind(*load),
        Status::CaughtUp(load) => caught_up(*load),
        Status::WorkerStuck(worker) => worker_stuck(*worker),
        Status::WorkerResumed(StuckWorker { worker, seconds, .. }) => {
            format!("worker-{worker} goes on; it was at one message for {seconds}s")
        }
    };
    Some((Level::Warn, text))
}

fn egress_behind(EgressOrder { iface, before, .. }: &EgressOrder) -> String {
    format!(
        "{iface}: at egress {} before ndpi-xdp: what it lets pass for good or redirects is neither seen nor \
         blocked here",
        come(before)
    )
}

fn egress_blind(EgressOrder { iface, before, sent, seen, .. }: &EgressOrder) -> String {
    format!(
        "{iface}: {} packets left, but only {} were seen at egress: {} before ndpi-xdp, and nothing is \
         enforced on what it lets pass for good",
        sent.unwrap_or_default(),
        seen.unwrap_or_default(),
        come(before)
    )
}

fn come(before: &[String]) -> String {
    let verb = if before.len() == 1 { "comes" } else { "come" };
    format!("{} {verb}", before.join(", "))
}

/// What has no room, and which option gives it more.
fn crowded(crowding: &Crowding) -> String {
    let Crowding { table, pool, share, client, .. } = crowding;
    let text = match (&**table, share.as_deref(), pool.as_deref()) {
        ("notes", ..) => {
            "there is no room for more notes of blocked flows, or a client has its share of them: the oldest \
             go, and what they blocked is inspected again when it goes on; --max-notes allows for more"
                .into()
        }
        ("tracks", ..) => {
            "the kernel has no room for more undecided flows: those that were silent for longest are shown \
             again from the start; --max-undecided allows for more"
                .into()
        }
        ("memory", _, pool) => out_of_memory(pool.unwrap_or_default()).into(),
        (_, Some(share), _) => format!(
            "a client has its share of {share} flows: its own oldest make room; --client-share allows for \
             more, --exempt-client takes gateways and resolvers out of it"
        ),
        (_, None, Some("unanswered")) => {
            "the table of flows is full: flows that nobody has answered make room for each other, the others \
             keep their places; made-up senders look like this"
                .into()
        }
        _ => "the table of flows is full: those that were silent for longest make room; --max-flows allows \
              for more"
            .to_owned(),
    };
    match client {
        Some(client) => format!("{text} (the first: {client})"),
        None => text,
    }
}

/// What is given up for want of memory (`--memory-max`), and what comes of it.
fn out_of_memory(what: &str) -> &'static str {
    match what {
        "unanswered" => {
            "memory is short: undecided flows that nobody has answered are given up, those that were silent for \
             longest first; made-up senders look like this, else --memory-max allows for more"
        }
        "undecided" => {
            "memory is short: undecided flows are given up, and what the policy says of undecided ones decides them; \
             --memory-max allows for more"
        }
        "passing-notes" | "passing" => {
            "memory is short: flows that may pass are forgotten, those that were silent for longest first, and \
             inspected again when they go on; --memory-max allows for more"
        }
        "blocked" => {
            "memory is short: blocked flows are kept as notes, by which the next packet of each is blocked again; \
             --memory-max allows for more"
        }
        _ => {
            "memory is short: notes of blocked flows are given up, the oldest first, and what they blocked is \
             inspected again when it goes on; --memory-max allows for more"
        }
    }
}

fn eased(Crowding { table, pool, share, displaced, .. }: &Crowding) -> String {
    let displaced = displaced.unwrap_or_default();
    if let Some(share) = share {
        return format!(
            "clients are within their shares of {share} flows again; {displaced} entries went"
        );
    }
    let pool = pool.as_deref().unwrap_or("all");
    format!("there is room again ({table}, {pool}); {displaced} entries went")
}

fn one_directional(Directions { iface, flows, halves, .. }: &Directions) -> String {
    format!(
        "{iface}: {halves} of {flows} TCP connections were seen in one direction only: few of those are \
         recognised, and so blocked. The other direction takes a way that is not watched, or has other tags \
         (ethtool -K {iface} rxvlan off)"
    )
}

fn behind(Load { longest_us, .. }: Load) -> String {
    format!(
        "more new flows come than can be looked at (a packet took {:.0?}): nDPI is not given the first packets \
         of some, and what is to be blocked may pass; where that is no flood, more --workers or CPUs are needed",
        Duration::from_micros(longest_us)
    )
}

fn caught_up(Load { longest_us, left_out, .. }: Load) -> String {
    format!(
        "new flows are looked at as they come again; meanwhile packets took up to {:.0?}, and {left_out} were \
         left out",
        Duration::from_micros(longest_us)
    )
}

fn worker_stuck(StuckWorker { worker, workers, seconds, .. }: StuckWorker) -> String {
    format!(
        "worker-{worker} is stuck: it has been at one message for {seconds}s. New flows of its share (1 of \
         {workers}) are not classified, and what is to be blocked of them passes; verdicts that stand are \
         enforced. If it does not go on, start ndpi-xdp again"
    )
}

fn released(change: &ReleaseChange) -> String {
    let Release { release, what, until, .. } = &change.release;
    let until = until.timestamp().to_zoned(TimeZone::system()).strftime("%F %T");
    let changed = verdicts_changed(change.flows, change.changed);
    format!("release {release}: {what} passes until {until}{changed}")
}

/// That a release has ended.
pub fn release_ended(release: &Release) -> String {
    let Release { release, what, .. } = release;
    format!("release {release} has ended: the policy holds for {what} again")
}

/// Behind a change of releases: how many of the decided flows have another verdict, where that is known.
pub fn verdicts_changed(flows: Option<u64>, changed: Option<u64>) -> String {
    flows.zip(changed).map_or_else(String::new, |(flows, changed)| {
        format!("; {changed} of {flows} verdicts changed")
    })
}

fn reload_messages(reloaded: &Reloaded) -> Vec<(Level, String)> {
    let Reloaded { result, problems, repeated, failures, .. } = reloaded;
    let policy = &result.policy;
    if !result.taken {
        let text = format!(
            "policy {policy} not taken, the one before stays in force (failures so far: {failures})"
        );
        let why =
            if *repeated { ", for the reason given before" } else { &format!(":\n{problems}") };
        return vec![(Level::Error, format!("{text}{why}"))];
    }
    let [rules, flows, changed] =
        [result.rules, result.flows, result.changed].map(Option::unwrap_or_default);
    let done =
        format!("policy {policy} reloaded: {rules} rules; {changed} of {flows} verdicts changed");
    let mut all = vec![(Level::Info, done)];
    if let Some(where_not) = result.where_not() {
        all.push((Level::Warn, format!("policy {policy}: {where_not}")));
    }
    if !problems.is_empty() && !repeated {
        all.push((Level::Warn, format!("policy {policy} is in force all the same:\n{problems}")));
    }
    all
}

#[cfg(test)]
mod tests {
    use ndpi_events::{ReloadResult, Time};

    use super::*;

    fn crowding(table: &'static str, share: Option<&'static str>) -> Crowding {
        Crowding {
            time: Time::default(),
            table: table.into(),
            pool: None,
            share: share.map(Into::into),
            client: Some("198.18.0.1".into()),
            displaced: Some(7),
        }
    }

    #[test]
    fn what_has_no_room_is_said_with_the_option_that_gives_it_more() {
        for (table, share, option) in [
            ("flows", None, "--max-flows"),
            ("flows", Some("blocked"), "--client-share"),
            ("notes", None, "--max-notes"),
            ("tracks", None, "--max-undecided"),
        ] {
            let text = crowded(&crowding(table, share));
            assert!(text.contains(option) && text.ends_with("(the first: 198.18.0.1)"), "{text}");
        }
        assert!(
            eased(&crowding("flows", Some("blocked"))).contains("shares of blocked flows again; 7")
        );
        assert!(eased(&crowding("notes", None)).contains("room again (notes, all); 7"));
    }

    #[test]
    fn a_mistake_in_a_policy_is_quoted_once() {
        let said = |taken, repeated, problems: &str| {
            let problems = problems.into();
            let result = ReloadResult { taken, policy: "p.toml".into(), ..ReloadResult::default() };
            let reloaded = Reloaded { result, repeated, problems, ..Reloaded::default() };
            messages(&Event::Reloaded(reloaded))
        };
        let [(level, text)] = &said(false, false, "a mistake")[..] else { panic!() };
        assert!(*level == Level::Error && text.ends_with(":\na mistake"), "{text}");
        assert!(said(false, true, "a mistake")[0].1.ends_with("for the reason given before"));
        assert_eq!((said(true, false, "a hint").len(), said(true, true, "a hint").len()), (2, 1));
        assert_eq!(said(true, false, "").len(), 1);
    }
}
