//! A snapshot as metrics. docs/operate.md lists them.

use std::time::Duration;

use ndpi_events::RingFull;

use super::families::{Families, Family};
use crate::record::Time;
use crate::snapshot::{
    MemoryState, NdpiProcess, PROBLEMS, RingLoss, Snapshot, Sweeps, Traffic, WorkerState,
};

/// All metrics, in Prometheus' text format.
pub fn exposition(snapshot: &Snapshot) -> String {
    let mut families = Families::default();
    instance(&mut families, snapshot);
    health(&mut families, snapshot);
    policy(&mut families, snapshot);
    packets(&mut families, snapshot);
    losses(&mut families, snapshot);
    tables(&mut families, snapshot);
    sweeps(&mut families, snapshot.sweeps);
    memory(&mut families, &snapshot.memory);
    workers(&mut families, snapshot);
    flows(&mut families, snapshot);
    traffic(&mut families, ("app", "application"), &snapshot.apps);
    traffic(&mut families, ("category", "category"), &snapshot.categories);
    sinks(&mut families, snapshot);
    families.text()
}

fn instance(families: &mut Families, snapshot: &Snapshot) {
    let labels = [("version", &*snapshot.version), ("ndpi", &*snapshot.ndpi)];
    families.gauge("build_info", "Version of the program and of nDPI; always 1.").count(&labels, 1);
    families
        .gauge("start_time_seconds", "When the instance began to enforce, seconds since 1970.")
        .value(&[], epoch(snapshot.since));
}

fn health(families: &mut Families, snapshot: &Snapshot) {
    families
        .gauge("whole", "1 where all that is to be enforced is, else 0.")
        .count(&[], snapshot.is_whole().into());
    let mut problems = families.gauge("problem", "1 for each problem that there is, else 0.");
    for what in PROBLEMS {
        let is_there = snapshot.problems.iter().any(|problem| problem.what == what);
        problems.count(&[("problem", what)], is_there.into());
    }
    let mut attached =
        families.gauge("attached_since_seconds", "Since when the programs are on an interface.");
    for watched in &snapshot.attached {
        let it = &watched.attached;
        let ingress = it.ingress.as_deref().unwrap_or("none");
        let labels = [("iface", &*it.iface), ("ingress", ingress), ("egress", &*it.egress)];
        attached.value(&labels, epoch(watched.since));
    }
    families
        .gauge("unenforced", "Interfaces and patterns on which nothing or not all is enforced.")
        .count(&[], snapshot.unenforced.len() as u64);
    let NdpiProcess { ended, set_aside, states_lost, .. } = snapshot.ndpi_process;
    for (name, help, count) in [
        ("ndpi_process_ended_total", "How often the process that nDPI works in has ended.", ended),
        (
            "ndpi_flows_set_aside_total",
            "Flows not shown any more, as a packet ended it.",
            set_aside,
        ),
        ("ndpi_states_lost_total", "Flows of which nDPI has seen the rest only.", states_lost),
    ] {
        families.counter(name, help).count(&[], count);
    }
}

fn policy(families: &mut Families, snapshot: &Snapshot) {
    let policy = &snapshot.policy;
    families
        .gauge("policy_revision", "Which of the instance's policies is in force, from 1.")
        .count(&[], policy.revision.into());
    families.gauge("policy_rules", "Rules of the policy in force.").count(&[], policy.rules);
    families
        .gauge("policy_since_seconds", "Since when the policy is in force.")
        .value(&[], epoch(policy.since));
    families
        .gauge("releases", "What passes for a time, whatever the policy says.")
        .count(&[], snapshot.releases.len() as u64);
    families
        .counter("policy_reloads_total", "Reloads of the policy by their result.")
        .count(&[("result", "taken")], policy.taken)
        .count(&[("result", "refused")], policy.refused);
    if let Some(last) = &policy.last_reload {
        families
            .gauge("policy_last_reload_successful", "1 where the last reload was taken, else 0.")
            .count(&[], last.taken.into());
        families
            .gauge("policy_last_reload_seconds", "When the policy was last reloaded.")
            .value(&[], epoch(last.time));
    }
}

fn packets(families: &mut Families, snapshot: &Snapshot) {
    let help = "by hook, outcome and reason: together all that were seen.";
    let mut of = |name, what, count: fn(&crate::snapshot::Counted) -> u64| {
        let mut family = families.counter(name, &format!("{what} {help}"));
        for it in &snapshot.packets {
            let labels = [("hook", &*it.hook), ("outcome", &*it.outcome), ("reason", &*it.reason)];
            family.count(&labels, count(it));
        }
    };
    of("packets_total", "Packets", |it| it.packets);
    of("bytes_total", "Bytes from the IP header on", |it| it.bytes);
}

fn losses(families: &mut Families, snapshot: &Snapshot) {
    let losses = &snapshot.losses;
    let mut of_rings = |name, why, rings: &[RingLoss]| {
        let help =
            format!("Packets that were not shown to nDPI as {why}, of rings that lost some.");
        let mut family = families.counter(name, &help);
        for loss in rings {
            let (ring, worker) = (loss.ring.to_string(), loss.worker.to_string());
            let labels = [("ring", &*ring), ("worker", &worker), ("kind", &loss.kind)];
            family.count(&labels, loss.packets);
        }
    };
    of_rings("ring_full_packets_total", "a ring was full", &losses.ring_full);
    let contended = "the lock of a ring could not be had";
    of_rings("ring_contended_packets_total", contended, &losses.ring_contended);
    let mut by_cpu = families.counter(
        "cpu_ring_full_packets_total",
        "Packets that were not shown to nDPI as a ring was full, by the CPU they were on.",
    );
    for RingFull { cpu, packets } in &losses.cpus {
        by_cpu.count(&[("cpu", &cpu.to_string())], *packets);
    }
    families
        .counter(
            "not_inspected_packets_total",
            "Packets that nDPI was not given, by where and why.",
        )
        .count(&[("why", "held_back")], losses.held_back)
        .count(&[("why", "left_out")], losses.left_out);
    families
        .counter("lost_frames_total", "Frames that a peer interface did not take.")
        .count(&[], losses.lost_frames);
}

fn tables(families: &mut Families, snapshot: &Snapshot) {
    let tables = || snapshot.tables.iter();
    families
        .gauge("table_entries", "Entries of a table.")
        .each("table", tables().map(|it| (&*it.table, it.used)));
    families
        .gauge("table_places", "Entries that a table has room for.")
        .each("table", tables().map(|it| (&*it.table, it.places)));
}

fn sweeps(families: &mut Families, sweeps: Sweeps) {
    let seconds = |us| Duration::from_micros(us).as_secs_f64();
    families.counter("sweeps_total", "Sweeps over the verdict maps.").count(&[], sweeps.count);
    families
        .gauge("sweep_last_seconds", "How long the last sweep has taken.")
        .value(&[], seconds(sweeps.last_us));
    families
        .gauge("sweep_longest_seconds", "How long the longest sweep has taken.")
        .value(&[], seconds(sweeps.longest_us));
}

fn memory(families: &mut Families, memory: &MemoryState) {
    families
        .gauge("memory_bytes", "Memory that user space takes, by process.")
        .count(&[("process", "session")], memory.session)
        .count(&[("process", "ndpi")], memory.ndpi);
    families
        .gauge("memory_flows_bytes", "What of it flows and notes take, as it is counted.")
        .count(&[], memory.flows);
    if let Some(limit) = memory.limit {
        families.gauge("memory_max_bytes", "What it may be at most.").count(&[], limit);
    }
    families
        .counter("shed_total", "Flows and notes that were given up for want of memory.")
        .each("what", memory.shed.iter().map(|(what, count)| (&**what, *count)));
}

fn workers(families: &mut Families, snapshot: &Snapshot) {
    let names: Vec<_> = (0..snapshot.workers.len()).map(|number| number.to_string()).collect();
    let each = |mut family: Family, count: fn(&WorkerState) -> u64| {
        let workers = names.iter().zip(&snapshot.workers);
        family.each("worker", workers.map(|(name, worker)| (&**name, count(worker))));
    };
    let waiting =
        families.gauge("worker_waiting_bytes", "Bytes that wait in the rings of a worker.");
    each(waiting, |it| it.waiting_bytes);
    let flows = families.gauge("worker_flows", "Flows in the table of a worker.");
    each(flows, |it| it.flows);
    let taken =
        families.counter("worker_packets_total", "Packets that a worker was shown and has taken.");
    each(taken, |it| it.taken);
    let pending = families.gauge(
        "worker_pending_verdicts",
        "Verdicts that the maps refused and that are tried again.",
    );
    each(pending, |it| it.pending);
    let stuck = families.gauge("worker_stuck", "1 where a worker does not go on, else 0.");
    each(stuck, |it| it.stuck.into());
}

fn flows(families: &mut Families, snapshot: &Snapshot) {
    families
        .counter("decided_flows_total", "Decided flows by what decided them.")
        .each("by", snapshot.decided.iter().map(|(by, flows)| (&**by, *flows)));
    let hints = snapshot.hints;
    families
        .counter(
            "first_packet_hints_total",
            "Flows for which a hint was asked, by whether there was one.",
        )
        .count(&[("hint", "yes")], hints.given)
        .count(&[("hint", "no")], hints.asked.saturating_sub(hints.given));
    families
        .counter("findings_total", "Flows by what was found in them.")
        .each("finding", snapshot.findings.iter().map(|(finding, flows)| (&**finding, *flows)));
    families.durations(
        "time_to_verdict_seconds",
        "From a packet with payload to the verdict that it led to.",
        &snapshot.time_to_verdict,
    );
    families.durations(
        "inspection_seconds",
        "What a packet took in its worker: flow table, nDPI, rules, writing the verdict.",
        &snapshot.inspection,
    );
}

/// What is counted of flows.
type Count = fn(&Traffic) -> u64;

/// Decided flows by application or category.
fn traffic(families: &mut Families, (label, word): (&'static str, &str), all: &[Traffic]) {
    let counts: [(&str, &str, Count); 4] = [
        ("flows_total", "Decided flows", |it| it.flows),
        ("packets_total", "Packets of decided flows", |it| it.packets),
        ("bytes_total", "Bytes of decided flows, from the IP header on,", |it| it.bytes),
        ("dropped_packets_total", "Dropped packets of decided flows", |it| it.dropped),
    ];
    for (name, what, count) in counts {
        let help = format!("{what} by {word} and action, as of the last sweep.");
        let mut family = families.counter(&format!("{label}_{name}"), &help);
        for it in all {
            family.count(&[(label, &it.name), ("action", &it.action)], count(it));
        }
    }
}

fn sinks(families: &mut Families, snapshot: &Snapshot) {
    let sinks = || snapshot.sinks.iter();
    families
        .gauge("sink_waiting_events", "Events that wait to be written.")
        .each("sink", sinks().map(|it| (&*it.sink, it.waiting)));
    families
        .counter("sink_lost_events_total", "Events that could not be written.")
        .each("sink", sinks().map(|it| (&*it.sink, it.lost)));
}

/// Seconds since 1970.
fn epoch(time: Time) -> f64 {
    time.timestamp().as_microsecond() as f64 / 1e6
}
