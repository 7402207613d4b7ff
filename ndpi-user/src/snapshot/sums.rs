//! Counts of a snapshot as far as they can be reset.

use std::collections::BTreeMap;

use ndpi_events::Word;

use super::model::{Counted, LostSoFar, RingLoss, Snapshot, Sums};

impl Sums {
    /// All that a snapshot has counted.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self {
            since: snapshot.since,
            packets: snapshot.packets.clone(),
            losses: snapshot.losses.clone(),
            decided: snapshot.decided.clone(),
            hints: snapshot.hints,
            findings: snapshot.findings.clone(),
            lost_records: snapshot.sinks.iter().map(|sink| sink.lost).sum(),
        }
    }

    /// What of it came since `before`, at whose `since` it was counted.
    #[must_use]
    pub fn since(mut self, before: &Self) -> Self {
        let Self { since, packets, losses, decided, hints, findings, lost_records } = before;
        self.since = *since;
        for it in &mut self.packets {
            let way = |it: &Counted| (it.hook.clone(), it.outcome.clone(), it.reason.clone());
            if let Some(before) = packets.iter().find(|before| way(before) == way(it)) {
                it.packets = it.packets.saturating_sub(before.packets);
                it.bytes = it.bytes.saturating_sub(before.bytes);
            }
        }
        self.packets.retain(|it| it.packets > 0);
        take_losses(&mut self.losses, losses);
        take(&mut self.decided, decided);
        self.hints.asked = self.hints.asked.saturating_sub(hints.asked);
        self.hints.given = self.hints.given.saturating_sub(hints.given);
        take(&mut self.findings, findings);
        self.lost_records = self.lost_records.saturating_sub(*lost_records);
        self
    }
}

fn take(now: &mut BTreeMap<Word, u64>, before: &BTreeMap<Word, u64>) {
    now.retain(|what, count| {
        *count = count.saturating_sub(before.get(what).copied().unwrap_or_default());
        *count > 0
    });
}

fn take_losses(now: &mut LostSoFar, before: &LostSoFar) {
    let of_rings = |now: &mut Vec<RingLoss>, before: &[RingLoss]| {
        now.retain_mut(|it| {
            let same = before.iter().find(|before| before.ring == it.ring);
            it.packets = it.packets.saturating_sub(same.map_or(0, |before| before.packets));
            it.packets > 0
        });
    };
    let LostSoFar {
        ring_full,
        ring_contended,
        cpus,
        held_back,
        left_out,
        lost_frames,
        shed,
        events,
        ..
    } = before;
    now.cpus.retain_mut(|it| {
        let same = cpus.iter().find(|before| before.cpu == it.cpu);
        it.packets = it.packets.saturating_sub(same.map_or(0, |before| before.packets));
        it.packets > 0
    });
    of_rings(&mut now.ring_full, ring_full);
    of_rings(&mut now.ring_contended, ring_contended);
    let counts = [
        (&mut now.held_back, held_back),
        (&mut now.left_out, left_out),
        (&mut now.lost_frames, lost_frames),
        (&mut now.shed, shed),
        (&mut now.events, events),
    ];
    for (now, before) in counts {
        *now = now.saturating_sub(*before);
    }
}

#[cfg(test)]
mod tests {
    use ndpi_events::{RingFull, Time};

    use super::*;
    use crate::snapshot::model::Hints;

    fn sums(packets: &[(&'static str, u64)], lost: u64) -> Sums {
        let counted = |&(outcome, packets): &(&'static str, u64)| Counted {
            hook: "ingress".into(),
            outcome: outcome.into(),
            reason: "shown".into(),
            packets,
            bytes: packets * 60,
        };
        let ring = RingLoss { ring: 1, worker: 0, kind: "urgent".into(), packets: lost };
        Sums {
            packets: packets.iter().map(counted).collect(),
            losses: LostSoFar {
                ring_full: vec![ring],
                cpus: vec![RingFull { cpu: 3, packets: lost }],
                held_back: lost,
                ..LostSoFar::default()
            },
            decided: BTreeMap::from([("content".into(), lost)]),
            hints: Hints { asked: lost, given: lost },
            findings: BTreeMap::from([("fake-segment".into(), lost)]),
            lost_records: lost,
            ..Sums::default()
        }
    }

    #[test]
    fn what_came_since_adds_up_as_all_does() {
        let before =
            Sums { since: Time::from_ns(7_000), ..sums(&[("passed", 10), ("dropped", 4)], 5) };
        let all = sums(&[("passed", 13), ("dropped", 4), ("redirected", 2)], 8);
        let expected = Sums { since: before.since, ..sums(&[("passed", 3), ("redirected", 2)], 3) };
        assert_eq!(all.since(&before), expected);
        let none = before.clone().since(&before);
        assert_eq!(none, Sums { since: before.since, ..Sums::default() });
    }
}
