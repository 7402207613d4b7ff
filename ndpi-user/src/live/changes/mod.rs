//! Changes of policy at any point between packets: real workers and policies over a model of the
//! kernel's maps.

mod model;
mod run;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use run::Run;
pub(super) use run::run_alone;

/// Flows that a run talks on. They end up with different workers.
const FLOWS: u8 = 5;

/// Workers of a run.
const WORKERS: usize = 2;

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    /// A packet of a flow comes by.
    Packet(u8),
    /// A worker looks at the next message that waits for it.
    Work(usize),
    /// A policy is to come into force. If workers are still at the last change, it waits.
    Change(String),
    /// The verdict map is full, or has room again.
    Full(bool),
    /// The kernel finds that a flow is over, and tells its worker.
    Over(u8),
    /// A worker looks again at what it knows too little of.
    Again(usize),
}

fn rule() -> impl Strategy<Value = String> {
    let actions = [
        "action = 'drop'",
        "action = 'reject'",
        "action = 'count'",
        "action = 'bypass'",
        "limit = '8 kbit/s'",
        "limit = '80 kbit/s'",
        "limit = '8 kbit/s'\nper = 'flow'",
        "limit = '80 kbit/s'\nper = 'flow'",
    ];
    (select(vec!["a", "b"]), select(vec!["One", "Two", "Unknown"]), select(actions.to_vec()))
        .prop_map(|(name, app, what)| format!("[[rule]]\nname = '{name}'\napp = '{app}'\n{what}\n"))
}

fn policy() -> impl Strategy<Value = String> {
    let rest = (select(vec!["drop", "count"]), select(vec!["drop", "pass"]));
    (rest, vec(rule(), 0..4)).prop_map(|((default, undecided), rules)| {
        format!("default = '{default}'\nundecided = '{undecided}'\n{}", rules.concat())
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..FLOWS).prop_map(Event::Packet),
        8 => (0..WORKERS).prop_map(Event::Work),
        1 => policy().prop_map(Event::Change),
        1 => (0..FLOWS).prop_map(Event::Over),
        1 => any::<bool>().prop_map(Event::Full),
        1 => (0..WORKERS).prop_map(Event::Again),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        rng_seed: RngSeed::Fixed(0x0005_eed0),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_both_policies_block_never_passes(
        first in policy(),
        places in select(vec![2, 99]),
        events in vec(event(), 1..250),
    ) {
        let mut run = Run::new(&first, places);
        for event in events {
            match event {
                Event::Packet(flow) => run.packet(flow),
                Event::Work(worker) => run.work(worker),
                Event::Change(policy) => run.change(&policy),
                Event::Over(flow) => run.over(flow),
                Event::Again(worker) => run.look_again(worker),
                Event::Full(full) => run.set_full(full),
            }
        }
        run.end();
    }
}
