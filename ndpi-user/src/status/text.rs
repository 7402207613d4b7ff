//! The state of an instance in a few lines for a person.

use ndpi_text::shown;

use super::ago::ago;
use super::find::{Found, State};
use super::lines::Lines;
use crate::record::Time;
use crate::releases::in_words;
use crate::report::units::{bytes, grouped};
use crate::snapshot::{
    Fill, LastReload, LossSpan, LostSoFar, MemoryState, PolicyState, Problem, Rates, RingLoss,
    Snapshot, Sums, Watched,
};
use crate::stdout::width;

/// The text, as wide as the terminal that it goes to.
pub(super) fn text(found: &Found) -> String {
    text_within(found, width())
}

fn text_within(found: &Found, width: Option<usize>) -> String {
    let mut lines = Lines::new(width, &headline(found));
    let Some(snapshot) = &found.snapshot else { return lines.into_text() };
    let lives = found.state == State::Running;
    if lives {
        snapshot.problems.iter().for_each(|it| lines.add("problem", &problem(it, snapshot.time)));
        snapshot.attached.iter().for_each(|it| lines.add("attached", &watched(it, snapshot.time)));
        for line in policy(&snapshot.policy, snapshot.time) {
            lines.add("policy", &line);
        }
        snapshot.releases.iter().for_each(|it| lines.add("released", &in_words(it, snapshot.time)));
        if let Some(rates) = &snapshot.rates {
            lines.add("now", &now(rates));
        }
    }
    let counts = snapshot.shown_counts();
    if snapshot.since_reset.is_some() {
        lines.add("counts", &since(&counts, snapshot.time));
    }
    lines.add("packets", &packets(&counts));
    if lives {
        lines.add("flows", &flows(&counts, snapshot.adopted));
    }
    lines.add("tables", &tables(&snapshot.tables));
    if lives {
        lines.add("memory", &memory(&snapshot.memory));
    }
    lines.add("losses", &losses(&counts, snapshot.time));
    if !counts.findings.is_empty() {
        lines.add("findings", &findings(&counts));
    }
    lines.into_text()
}

/// What state it is in, and what to do about it.
fn headline(found: &Found) -> String {
    let Found { pins, state, snapshot } = found;
    let pins = shown(pins);
    let pid = snapshot.as_ref().map(|it| format!(" (pid {})", it.pid)).unwrap_or_default();
    match (state, snapshot) {
        (State::Running, Some(snapshot)) => running(snapshot),
        (State::Silent(why), _) => format!(
            "ndpi-xdp{pid} does not say how it is: {why}. Verdicts that stand are enforced, new flows are not \
             classified. This is what its maps say:"
        ),
        (State::StartingOrEnding | State::Running, _) => format!(
            "ndpi-xdp{pid} is starting or ending: it holds {pins}, and takes no commands now; try again"
        ),
        (State::Dead(left), _) => left.text(&pid, &found.pins),
        (State::OtherVersion(why), _) => why.clone(),
        (State::Absent, _) => format!(
            "no ndpi-xdp that uses {pins} is running: start one with: ndpi-xdp run, or say what it \
             was started with: --name or --pin-dir"
        ),
    }
}

fn running(snapshot: &Snapshot) -> String {
    let Snapshot { version, ndpi, pid, since, time, .. } = snapshot;
    let health = if snapshot.is_whole() { "all is enforced" } else { "NOT ALL IS ENFORCED" };
    format!("ndpi-xdp {version} (nDPI {ndpi}, pid {pid}) for {}: {health}", ago(*since, *time))
}

fn problem(problem: &Problem, now: Time) -> String {
    let Problem { what, breaks, since, text } = problem;
    let since = since.map(|since| format!(", for {}", ago(since, now))).unwrap_or_default();
    let note = if *breaks { "" } else { "note: " };
    format!("{note}{what}{since}: {text}")
}

fn watched(watched: &Watched, now: Time) -> String {
    let Watched { attached, since } = watched;
    let ingress = match attached.ingress.as_deref() {
        Some("xdp-native") => "XDP (native)",
        Some("xdp-generic") => "XDP (generic)",
        Some(other) => other,
        None => "no XDP",
    };
    let peer = attached.peer.as_ref().map(|peer| format!(", joined with {peer}"));
    let (iface, egress, peer) = (&attached.iface, &attached.egress, peer.unwrap_or_default());
    format!("{iface}: {ingress}, TC at egress ({egress}){peer}, for {}", ago(*since, now))
}

fn policy(policy: &PolicyState, now: Time) -> Vec<String> {
    let PolicyState { file, revision, rules, since, taken, refused, last_reload, .. } = policy;
    let Some(file) = file else { return vec!["none: everything is counted".into()] };
    let in_force = ago(*since, now);
    let mut lines =
        vec![format!("{file}: revision {revision}, {rules} rules, in force for {in_force}")];
    if let Some(LastReload { time, taken: was_taken, problem }) = last_reload {
        let result = match (was_taken, problem) {
            (true, _) => "taken".to_owned(),
            (false, None) => "NOT taken".to_owned(),
            (false, Some(problem)) => format!("NOT taken: {problem}"),
        };
        let ago = ago(*time, now);
        lines.push(format!("last reload {ago} ago: {result} ({taken} taken, {refused} refused)"));
    }
    lines
}

fn now(rates: &Rates) -> String {
    let Rates { packets, bits, dropped, shown, .. } = *rates;
    let [packets, dropped, shown] = [packets, dropped, shown].map(grouped);
    let bits = bits as f64 / 1e6;
    format!("{packets} packets/s, {bits:.1} Mbit/s; {dropped} dropped/s, {shown} shown to nDPI/s")
}

/// Since when the counts below are.
fn since(counts: &Sums, now: Time) -> String {
    format!("of the last {}, since reset-counters:", ago(counts.since, now))
}

fn packets(counts: &Sums) -> String {
    let sum = |outcome: Option<&str>| -> (u64, u64) {
        let all = counts.packets.iter();
        let fitting = all.filter(|it| outcome.is_none_or(|outcome| it.outcome == outcome));
        fitting.fold((0, 0), |(packets, bytes), it| (packets + it.packets, bytes + it.bytes))
    };
    let ((seen, volume), (dropped, _), (redirected, _)) =
        (sum(None), sum(Some("dropped")), sum(Some("redirected")));
    let [seen, dropped] = [seen, dropped].map(grouped);
    let redirected = match redirected {
        0 => String::new(),
        redirected => format!(", {} redirected", grouped(redirected)),
    };
    format!("{seen} seen ({}), {dropped} dropped{redirected}", bytes(volume))
}

fn flows(counts: &Sums, adopted: u64) -> String {
    let all: u64 = counts.decided.values().sum();
    let others = counts.decided.iter().filter(|(by, flows)| *by != "content" && **flows > 0);
    let by: Vec<_> = others.map(|(by, flows)| format!("{} by {by}", grouped(*flows))).collect();
    let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    let hints = match counts.hints.asked {
        0 => String::new(),
        asked => format!(
            "; a hint at the first packet of {} of {}",
            grouped(counts.hints.given),
            grouped(asked)
        ),
    };
    let adopted = match adopted {
        0 => String::new(),
        adopted => format!("; {} of an earlier instance", grouped(adopted)),
    };
    format!("{} decided{by}{hints}{adopted}", grouped(all))
}

fn tables(tables: &[Fill]) -> String {
    let each = tables.iter().map(|Fill { table, used, places }| {
        let share = (used * 100).checked_div(*places).unwrap_or(0);
        format!("{table} {} ({share} %)", grouped(*used))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn memory(state: &MemoryState) -> String {
    let limit = state.limit.map(|limit| format!(" of {} at most", bytes(limit)));
    let ndpi = match state.ndpi {
        0 => String::new(),
        ndpi => format!(" ({} nDPI's processes)", bytes(ndpi)),
    };
    let flows = bytes(state.flows);
    format!("{}{}{ndpi}, {flows} for flows", bytes(state.used()), limit.unwrap_or_default())
}

fn losses(counts: &Sums, now: Time) -> String {
    let LostSoFar {
        ring_full, held_back, left_out, ring_contended, lost_frames, shed, when, ..
    } = &counts.losses;
    let of_rings = |rings: &[RingLoss]| rings.iter().map(|loss| loss.packets).sum();
    let all = [
        ("ring_full", of_rings(ring_full), "not shown, as rings were full"),
        ("ring_contended", of_rings(ring_contended), "not shown, as rings were locked"),
        ("held_back", *held_back, "held back by the kernel"),
        ("left_out", *left_out, "left out, as workers were behind"),
        ("lost_frames", *lost_frames, "not taken by a peer interface"),
        ("shed", *shed, "flows and notes given up for want of memory"),
        ("", counts.lost_records, "records and messages"),
    ];
    let some = all.into_iter().filter(|(_, count, _)| *count > 0);
    let some = some.map(|(field, count, what)| {
        let span = when.get(field);
        let span = span.map(|LossSpan { first, last }| {
            format!(" (first {} ago, last {} ago)", ago(*first, now), ago(*last, now))
        });
        format!("{} {what}{}", grouped(count), span.unwrap_or_default())
    });
    let some: Vec<_> = some.collect();
    if some.is_empty() { "none".into() } else { some.join(", ") }
}

fn findings(counts: &Sums) -> String {
    let each = counts.findings.iter();
    let each: Vec<_> =
        each.map(|(finding, flows)| format!("{finding} in {}", grouped(*flows))).collect();
    format!("{} flows", each.join(", "))
}

#[cfg(test)]
mod tests;
