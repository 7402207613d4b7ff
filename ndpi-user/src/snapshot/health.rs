//! Whether all that is to be enforced is: decided in one place for `status`, `/readyz` and the metrics.

use ndpi_events::{Event, Status, Time, Word};
use ndpi_export::messages;

use super::model::{NdpiProcess, PolicyOrigin, Problem, Rates, SinkState, Snapshot};

/// How long a heartbeat may be old: it comes ten times a second.
const SILENT_MS: u64 = 3000;

/// What cannot be seen in a snapshot alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Signs {
    /// How old the heartbeat is that the programs go by; `None` where it cannot be read.
    pub(super) heartbeat_ms: Option<u64>,
    /// What holds by what was reported.
    pub(super) standing: Vec<(Time, Status)>,
    /// What could not be read.
    pub(super) unread: Vec<String>,
}

/// What is wrong: first what keeps enforcement from being whole.
pub(super) fn problems(snapshot: &Snapshot, signs: &Signs) -> Vec<Problem> {
    let of_packets = [silent(signs), full_rings(snapshot), contended_rings(snapshot)];
    let mut problems: Vec<_> = [nowhere(snapshot), dry_run(snapshot), ndpi_ended(snapshot)]
        .into_iter()
        .chain(of_packets)
        .flatten()
        .chain(unenforced(snapshot))
        .chain(signs.standing.iter().filter_map(|(since, status)| standing(*since, status)))
        .chain(refused_verdicts(snapshot))
        .chain(signs.unread.iter().map(|what| problem("unreadable", true, what.clone())))
        .chain(refused_policy(snapshot))
        .chain(policy_not_followed(snapshot))
        .chain(failing_outputs(snapshot))
        .chain(lost_records(snapshot))
        .chain(lost_events(snapshot))
        .collect();
    problems.sort_by_key(|problem| !problem.breaks);
    problems
}

fn problem(what: &'static str, breaks: bool, text: impl Into<String>) -> Problem {
    Problem { what: what.into(), breaks, since: None, text: text.into() }
}

fn nowhere(snapshot: &Snapshot) -> Option<Problem> {
    let text = "the programs are attached to no interface: nothing is enforced";
    snapshot.attached.is_empty().then(|| problem("nothing-attached", true, text))
}

fn dry_run(snapshot: &Snapshot) -> Option<Problem> {
    let text = "this is a dry run: nothing is dropped; what would be is counted under its reason, and passes";
    snapshot.dry_run.then(|| problem("dry-run", true, text))
}

fn ndpi_ended(snapshot: &Snapshot) -> Option<Problem> {
    let NdpiProcess { ended, set_aside, states_lost, pausing } = snapshot.ndpi_process;
    let now =
        if pausing { ", and is not there for a minute: new flows are not classified" } else { "" };
    let text = format!(
        "nDPI's process has ended {ended} times{now}; flows set aside as a packet of theirs ended it: {set_aside}; \
         flows of which it saw the rest only: {states_lost}"
    );
    (ended > 0).then(|| problem("ndpi-ended", pausing, text))
}

/// Of a pattern for which there is no interface, nothing passes either.
fn unenforced(snapshot: &Snapshot) -> impl Iterator<Item = Problem> {
    let expected = |name: &str| !name.contains(['*', '?']);
    let off = snapshot.unenforced.iter().filter(move |(name, _)| expected(name));
    off.map(|(name, why)| {
        problem("not-enforced", true, format!("nothing or not all is enforced on {name}: {why}"))
    })
}

fn silent(signs: &Signs) -> Option<Problem> {
    let age = signs.heartbeat_ms?;
    let text = format!(
        "nobody has said for {}s that the rings are read: after ten, undecided packets are not shown any more",
        age / 1000
    );
    (age > SILENT_MS).then(|| problem("silent", true, text))
}

fn full_rings(snapshot: &Snapshot) -> Option<Problem> {
    let rates = snapshot.rates?;
    let text = not_shown(rates, rates.ring_full, "rings were full", "--ring-size and --workers")?;
    Some(problem("rings-full", true, text))
}

fn contended_rings(snapshot: &Snapshot) -> Option<Problem> {
    let rates = snapshot.rates?;
    let text =
        not_shown(rates, rates.ring_contended, "CPUs contended for rings", "more --workers")?;
    Some(problem("rings-contended", true, text))
}

fn not_shown(rates: Rates, packets: u64, why: &str, remedy: &str) -> Option<String> {
    let seconds = rates.over_ms / 1000;
    let text = format!(
        "{packets} packets were not shown to nDPI in the last {seconds}s, as {why}: what is to be blocked may \
         pass; {remedy} allow for more"
    );
    (packets > 0).then_some(text)
}

fn standing(since: Time, status: &Status) -> Option<Problem> {
    let (what, breaks) = weigh(status)?;
    let mut said = messages(&Event::Status(status.clone()));
    let text = said.pop().map(|(_, text)| text).unwrap_or_default();
    Some(Problem { since: Some(since), ..problem(what, breaks, text) })
}

/// What a condition is called, and whether enforcement is not whole while it holds: not where it only costs
/// those who bring it about, or time, or where only others might see packets first.
fn weigh(status: &Status) -> Option<(&'static str, bool)> {
    Some(match status {
        Status::EgressBlind(_) => ("egress-blind", true),
        Status::EgressBehind(_) => ("egress-behind", false),
        Status::OneDirectional(_) => ("one-directional", true),
        Status::Behind(_) => ("behind", false),
        Status::WorkerStuck(_) => ("worker-stuck", true),
        Status::Crowded(it) => {
            // What costs only itself, or comes back by itself.
            let is_own = it.share.is_some()
                || matches!(
                    it.pool.as_deref(),
                    Some("unanswered" | "passing-notes" | "passing" | "blocked")
                );
            ("crowded", !is_own && it.table != "notes")
        }
        _ => return None,
    })
}

fn refused_verdicts(snapshot: &Snapshot) -> Option<Problem> {
    let pending: u64 = snapshot.workers.iter().map(|worker| worker.pending).sum();
    let text = format!("the kernel's maps refuse the verdicts of {pending} flows, which pass");
    (pending > 0).then(|| problem("verdicts-refused", true, text))
}

fn refused_policy(snapshot: &Snapshot) -> Option<Problem> {
    let last = snapshot.policy.last_reload.as_ref().filter(|last| !last.taken)?;
    let why = last.problem.as_deref().unwrap_or("see its log");
    let text = format!("the policy was changed and not taken, the one before is in force: {why}");
    Some(Problem { since: Some(last.time), ..problem("policy-refused", false, text) })
}

fn policy_not_followed(snapshot: &Snapshot) -> Option<Problem> {
    let PolicyOrigin { bucket, since, failure } = snapshot.policy.origin.as_ref()?;
    let text =
        format!("policies of {bucket} do not come, the one here stays: {}", failure.as_ref()?);
    Some(Problem { since: Some(*since), ..problem("policy-not-followed", false, text) })
}

fn failing_outputs(snapshot: &Snapshot) -> impl Iterator<Item = Problem> {
    snapshot.sinks.iter().filter_map(|SinkState { sink, failure, .. }| {
        Some(problem("output-failing", false, format!("{sink}: {}", failure.as_ref()?)))
    })
}

fn lost_records(snapshot: &Snapshot) -> impl Iterator<Item = Problem> {
    let bad = snapshot.sinks.iter().filter(|sink| sink.lost > 0 || sink.closed);
    bad.map(|sink| {
        let closed = if sink.closed { ", and nobody reads any more" } else { "" };
        problem("records-lost", false, format!("{} {} were lost{closed}", sink.lost, sink.sink))
    })
}

fn lost_events(snapshot: &Snapshot) -> Option<Problem> {
    let lost = snapshot.losses.events;
    let text = format!("{lost} events were missed: what is said here may be out of date");
    (lost > 0).then(|| problem("events-missed", false, text))
}

/// Every word for a problem, for those who list them.
pub const PROBLEMS: [&str; 20] = [
    "nothing-attached",
    "dry-run",
    "ndpi-ended",
    "not-enforced",
    "silent",
    "rings-full",
    "rings-contended",
    "egress-blind",
    "one-directional",
    "worker-stuck",
    "crowded",
    "verdicts-refused",
    "unreadable",
    "behind",
    "egress-behind",
    "policy-refused",
    "policy-not-followed",
    "output-failing",
    "records-lost",
    "events-missed",
];

/// Whether this is one of [`PROBLEMS`].
pub fn is_known(what: &Word) -> bool {
    PROBLEMS.contains(&&**what)
}

#[cfg(test)]
mod tests {
    use ndpi_events::{Crowding, EgressOrder, StuckWorker};

    use super::*;
    use crate::snapshot::model::{LastReload, WorkerState};
    use crate::snapshot::testing::eth0;

    fn well() -> Snapshot {
        Snapshot { attached: vec![eth0(Time::default())], ..Snapshot::default() }
    }

    fn found(snapshot: &Snapshot, signs: &Signs) -> Vec<(String, bool)> {
        let all = problems(snapshot, signs);
        assert!(all.iter().all(|it| is_known(&it.what) && !it.text.is_empty()), "{all:?}");
        all.into_iter().map(|it| (it.what.into_owned(), it.breaks)).collect()
    }

    fn one(snapshot: &Snapshot) -> (String, bool) {
        let mut all = found(snapshot, &Signs::default());
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[test]
    fn all_is_well_where_nothing_is_wrong() {
        let signs = Signs { heartbeat_ms: Some(100), ..Signs::default() };
        assert_eq!(found(&well(), &signs), []);
        assert!(well().is_whole());
    }

    #[test]
    fn what_a_snapshot_shows_is_weighed() {
        let is = |what: &str, breaks| (what.to_owned(), breaks);
        let nowhere = Snapshot { attached: Vec::new(), ..well() };
        assert_eq!(one(&nowhere), is("nothing-attached", true));
        let dry = Snapshot { dry_run: true, ..well() };
        assert_eq!(one(&dry), is("dry-run", true));
        let not = |name: &str| [(name.to_owned(), "gone".to_owned())].into();
        let off = Snapshot { unenforced: not("eth1"), ..well() };
        assert_eq!(one(&off), is("not-enforced", true));
        let none_yet = Snapshot { unenforced: not("wg*"), ..well() };
        assert_eq!(found(&none_yet, &Signs::default()), []);
        let rates = Some(Rates { over_ms: 9000, ring_full: 3, ..Rates::default() });
        assert_eq!(one(&Snapshot { rates, ..well() }), is("rings-full", true));
        let rates = Some(Rates { over_ms: 9000, ring_contended: 3, ..Rates::default() });
        assert_eq!(one(&Snapshot { rates, ..well() }), is("rings-contended", true));
        let workers = vec![WorkerState { pending: 2, ..WorkerState::default() }];
        assert_eq!(one(&Snapshot { workers, ..well() }), is("verdicts-refused", true));
        let writes = SinkState { sink: "records".into(), ..SinkState::default() };
        let sinks = vec![SinkState { closed: true, ..writes.clone() }];
        assert_eq!(one(&Snapshot { sinks, ..well() }), is("records-lost", false));
        let sinks = vec![SinkState { failure: Some("no space".into()), ..writes }];
        assert_eq!(one(&Snapshot { sinks, ..well() }), is("output-failing", false));
        let mut refused = well();
        let last = LastReload { time: Time::default(), taken: false, problem: None };
        refused.policy.last_reload = Some(last.clone());
        assert_eq!(one(&refused), is("policy-refused", false));
        let bucket = String::from("nats:here");
        let failure = Some("the server has closed the connection".to_owned());
        let mut alone = well();
        alone.policy.origin = Some(PolicyOrigin { bucket, since: Time::default(), failure });
        assert_eq!(one(&alone), is("policy-not-followed", false));
        alone.policy.origin.as_mut().unwrap().failure = None;
        assert_eq!(found(&alone, &Signs::default()), []);
        for pausing in [false, true] {
            let ndpi_process = NdpiProcess { ended: 5, pausing, ..NdpiProcess::default() };
            assert_eq!(one(&Snapshot { ndpi_process, ..well() }), is("ndpi-ended", pausing));
        }
        refused.policy.last_reload = Some(LastReload { taken: true, ..last });
        assert_eq!(found(&refused, &Signs::default()), []);
    }

    #[test]
    fn what_is_not_known_is_said() {
        let unread = vec!["cannot read the statistics: gone".into()];
        let signs = Signs { unread, ..Signs::default() };
        assert_eq!(found(&well(), &signs), [("unreadable".into(), true)]);
        let mut missed = well();
        missed.losses.events = 3;
        assert_eq!(one(&missed), ("events-missed".into(), false));
    }

    #[test]
    fn every_problem_is_explained_to_whoever_operates_it() {
        const PAGE: &str = include_str!("../../../docs/operate.md");
        for what in PROBLEMS {
            let row = format!("\n| `{what}` |");
            assert_eq!(PAGE.matches(&row).count(), 1, "{row}");
        }
    }

    #[test]
    fn a_heart_that_beats_no_more_is_noticed() {
        let signs = |age| Signs { heartbeat_ms: age, ..Signs::default() };
        assert_eq!(found(&well(), &signs(Some(SILENT_MS))), []);
        assert_eq!(found(&well(), &signs(Some(SILENT_MS + 1))), [("silent".into(), true)]);
        assert_eq!(found(&well(), &signs(None)), []);
    }

    #[test]
    fn what_was_reported_is_weighed_and_what_breaks_comes_first() {
        let time = Time::default();
        let order = || EgressOrder {
            time,
            iface: "eth0".into(),
            ifindex: 2,
            before: vec!["a program".into()],
            sent: Some(9),
            seen: Some(1),
        };
        let table = |table: &'static str, pool: Option<&'static str>, share: bool| {
            Status::Crowded(Crowding {
                time,
                table: table.into(),
                pool: pool.map(Into::into),
                share: share.then(|| "blocked".into()),
                client: None,
                displaced: None,
            })
        };
        let stuck = StuckWorker { time, worker: 0, workers: 2, seconds: 11 };
        let all = [
            Status::EgressBehind(order()),
            Status::EgressBlind(order()),
            table("flows", Some("answered"), false),
            table("flows", Some("unanswered"), false),
            table("flows", None, true),
            table("notes", None, false),
            table("tracks", None, false),
            Status::WorkerStuck(stuck),
        ];
        let breaks = |status: &Status| weigh(status).unwrap().1;
        assert_eq!(
            all.each_ref().map(breaks),
            [false, true, true, false, false, false, true, true]
        );
        let standing = all.map(|status| (time, status)).into();
        let found = found(&well(), &Signs { standing, ..Signs::default() });
        assert_eq!(found.len(), 8);
        assert!(found.is_sorted_by_key(|(_, breaks)| !breaks), "{found:?}");
    }
}
