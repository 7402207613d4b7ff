//! Flows in the maps of an instance that is gone.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ndpi::{AppId, Classification, Confidence, State};
use ndpi_common::{Action, Direction, EntryNote, Key, KeyV4, RuleKey, RuleName, VerdictEntry};
use ndpi_flow::{
    Accounting, Classifier, Details, Detector, End, FlowEntry, NoBlocklist, RuleJudge, RuleTexts,
    Sample, Settings, Shards, Sink, Timeouts, Verdict,
};
use ndpi_kernel::{Clock, Kernel, LoadOptions};
use ndpi_policy::{Support, Vocabulary};
use ndpi_user::enforce::Adoption;

use crate::loader::setup::{can_load, options};

const FLOWS: u32 = 50_000;

/// Much longer than it takes, on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(5);

/// Nobody is asked what a flow is.
struct NoDetector;

impl Detector for NoDetector {
    type Flow = ();

    fn open(&self) {
        panic!("state is made for a flow that was taken over");
    }

    fn inspect(&self, _flow: &mut (), _l3: &[u8], _time_ms: u64) -> Classification {
        Classification::default()
    }

    fn classification(&self, _flow: &()) -> Classification {
        Classification::default()
    }

    fn give_up(&self, _flow: &mut ()) -> Classification {
        Classification::default()
    }

    fn rule_texts<'f>(&self, _flow: &'f ()) -> RuleTexts<'f> {
        RuleTexts::default()
    }

    fn details(&self, _flow: &()) -> Details {
        Details::default()
    }
}

/// Counts flows by what is decided about them.
struct Counting {
    judge: RuleJudge,
    kept: u32,
    freed: u32,
}

impl<F> Sink<F> for Counting {
    fn rules(&mut self) -> &mut impl ndpi_flow::Judge<F> {
        &mut self.judge
    }

    fn decided(&mut self, _flow: &mut FlowEntry<F>, _sample: &Sample) {}

    fn adopted(&mut self, flow: &mut FlowEntry<F>, before: Verdict) {
        assert_eq!(before.action, Action::Drop);
        let name = self.judge.rule_of(flow).map(str::to_owned);
        if let Some(rule) = flow.kept_rule() {
            assert_eq!((rule.name.as_deref(), name.as_deref()), (Some("host"), Some("host")));
            self.kept += 1;
        } else {
            assert_eq!(name.as_deref(), Some("default"));
            self.freed += 1;
        }
    }

    fn finished(&mut self, _flow: FlowEntry<F>, _end: End) {}
}

fn key(flow: u32) -> Key {
    let [_, b, c, d] = flow.to_be_bytes();
    Key::V4(KeyV4::new(([198, 18, c, d], 1000 + u16::from(b)), ([198, 19, 0, 1], 443), 0, 6).0)
}

/// An entry of an earlier instance, of which every other rests on a host name.
fn entry(flow: u32) -> VerdictEntry {
    let note = EntryNote {
        client: Some(Direction::FromLower),
        rests_on_more: flow.is_multiple_of(2),
        state: 3,
        confidence: 6,
        proven: true,
        ifindex: 7,
        ..EntryNote::default()
    };
    VerdictEntry {
        action: Action::Drop as u8,
        rule: u16::from(!flow.is_multiple_of(2)),
        app: 119,
        master: 91,
        revision: 4,
        decided_ns: 1,
        note: note.word(),
        ..VerdictEntry::default()
    }
}

fn judge() -> RuleJudge {
    let names =
        Vocabulary { apps: [(119, "Facebook")].into_iter().collect(), ..Vocabulary::default() };
    let policy = ndpi_policy::parse(Path::new("p"), "", &names, Support::ALL, &|_| unreachable!());
    let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")));
    RuleJudge::of_captures(Some(policy), NoBlocklist, ndpi_flow::Captured)
}

#[test]
fn fifty_thousand_flows_are_taken_over_within_a_moment() {
    if !can_load() {
        return;
    }
    let options = LoadOptions { verdicts: 1 << 16, ..options() };
    let kernel = Kernel::load(&options).unwrap_or_else(|e| panic!("{:#}", anyhow::Error::new(e)));
    for (rule, name) in [(0, "host"), (1, "app")] {
        kernel.rules().set(&RuleKey { revision: 4, rule }, &RuleName::new(name)).unwrap();
    }
    for flow in 0..FLOWS {
        kernel.verdicts().insert(&key(flow), &entry(flow)).unwrap();
    }
    let began = Instant::now();
    let (clock, shards) = (Clock::new(), Shards::fixed(2));
    let owned = Adoption::new(kernel.rules(), &clock).by_owner(kernel.verdicts(), shards);
    let read = began.elapsed();
    let first = &owned[0][0];
    assert_eq!((first.client, first.ifindex), (Direction::FromLower, 7));
    assert_eq!(first.classification.app, AppId { master: 91, app: 119 });
    assert_eq!(first.classification.state, State::Classified);
    assert_eq!(first.classification.confidence, Confidence::Dpi);
    let (mut sink, mut bytes, mut flows) = (Counting { judge: judge(), kept: 0, freed: 0 }, 0, 0);
    for (owner, inherited) in owned.into_iter().enumerate() {
        assert!(inherited.iter().all(|it| shards.owner(&it.key) == owner));
        let settings = Settings {
            timeouts: Some(Timeouts::default()),
            accounting: Accounting::Kernel,
            max_flows: FLOWS as usize,
            normalise: true,
        };
        let mut classifier = Classifier::new(NoDetector, settings);
        for flow in inherited {
            classifier.adopt(flow, clock.epoch_ns(clock.ktime_ns()), &mut sink);
        }
        flows += classifier.table().len();
        bytes += classifier.table().table_bytes();
    }
    let all = began.elapsed();
    eprintln!(
        "{flows} flows: read in {read:?}, taken over in {all:?}, {} bytes of the table each",
        bytes / flows
    );
    assert_eq!((flows, sink.kept, sink.freed), (FLOWS as usize, FLOWS / 2, FLOWS / 2));
    assert!(all < PATIENCE, "{all:?}");
}
